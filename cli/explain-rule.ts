/**
 * For a definition that no rule opens: the rule that would, about its statement and its objects alone. Pure.
 */
import { type QualifiedName, type Rule, TEMPORARY_SCHEMA } from '../kernel/policy.ts';
import type { ExplainedStatement } from '../proxy/judge/explain-text.ts';

/** A rule with action `Allow`. Either `relations` or `schemas` says where. */
export type MissingRule = {
  readonly type: 'Rule';
  readonly statement: string;
  readonly objects: readonly string[];
  readonly relations: readonly QualifiedName[];
  readonly schemas: readonly string[];
};

/** The rule for what the statement makes, changes or drops; none where it does nothing of the kind. */
export const missingRule = ({ definition }: ExplainedStatement): readonly MissingRule[] => {
  // What a foreign key refers to is not changed.
  const uses = definition?.uses.filter(({ use }) => use.act !== 'Refer') ?? [];
  if (definition === undefined || uses.length === 0) return [];
  const inSchema = uses.some(({ object, schema }) => object === 'Schema' || schema === TEMPORARY_SCHEMA);
  const places = uses.flatMap(({ object, schema, name, relation, dependents }): readonly QualifiedName[] => [
    // An index is opened by its table.
    { schema, name: object === 'Index' && relation !== undefined ? relation.name : name },
    ...dependents,
  ]);
  const relations = [
    ...new Map(places.map((place) => [`${place.schema}.${place.name}`, { schema: place.schema, name: place.name }])).values(),
  ];
  return [
    {
      type: 'Rule',
      statement: definition.definition.verb,
      objects: [...new Set(uses.map(({ object }) => object))],
      relations: inSchema ? [] : relations,
      schemas: inSchema ? [...new Set(places.map(({ schema }) => schema))] : [],
    },
  ];
};

/** A name for it that says what it opens, as `allow-create-table`. */
export const ruleName = ({ statement, objects }: MissingRule): string => ['allow', statement, ...objects].join('-').toLowerCase();

/** The rule, for trying it. */
export const ruleOf = (missing: MissingRule): Rule => ({
  name: ruleName(missing),
  match: {
    statements: [missing.statement],
    objects: missing.objects,
    relations: missing.relations.length === 0 ? undefined : missing.relations,
    schemas: missing.schemas.length === 0 ? undefined : missing.schemas,
    withoutWhere: undefined,
    rowsReturnedOver: undefined,
  },
  action: 'Allow',
});
