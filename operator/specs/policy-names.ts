/**
 * What policies name, and whether the database has it.
 */
import { nearestName } from '../../kernel/manifest/nearest-name.ts';
import { type AccessPolicy, type ColumnMask, type QualifiedName, type RelationGrant, TEMPORARY_SCHEMA } from '../../kernel/policy.ts';
import { type ColumnType, maskFits } from './mask-fit.ts';
import { shownIdentifier, shownName } from './sql-names.ts';

/** An SQL expression of a policy over one relation. `column`: the one that it masks; undefined: it is the row filter. */
export type WantedExpression = { readonly relation: QualifiedName; readonly sql: string; readonly column: string | undefined };

/** What the database is asked for; names without doubles. */
export type WantedNames = {
  readonly relations: readonly QualifiedName[];
  readonly functions: readonly QualifiedName[];
  readonly expressions: readonly WantedExpression[];
  readonly constants: readonly { readonly relation: QualifiedName; readonly column: string; readonly value: string }[];
  /** Of these all that there are is wanted, where any is named. */
  readonly lists: ReadonlySet<'schemas' | 'extensions' | 'settings'>;
};

/** What the database has of it. Keys of relations and functions are `nameKey`s. */
export type DatabaseNames = {
  /** Columns with their types. */
  readonly relations: ReadonlyMap<string, ReadonlyMap<string, ColumnType>>;
  readonly functions: ReadonlySet<string>;
  /** All that there are, for what is missing; as SQL writes them. */
  readonly otherRelations: readonly string[];
  readonly otherFunctions: readonly string[];
  readonly schemas: ReadonlySet<string>;
  readonly extensions: readonly string[];
  /** In lower case. */
  readonly settings: readonly string[];
  /** What PostgreSQL says of an expression or constant that it does not take, by `expressionKey`. */
  readonly broken: ReadonlyMap<string, string>;
};

/**
 * Why a policy cannot be enforced as it stands: a reason in CamelCase, and a sentence with the remedy. Said when it is asked for: of
 * thousands a few are told, and looking for the nearest name is dear.
 */
export type NameProblem = { readonly reason: string; readonly message: () => string };

export const nameKey = ({ schema, name }: QualifiedName): string => JSON.stringify([schema, name]);

export const expressionKey = (relation: QualifiedName, column: string | undefined, text: string): string =>
  JSON.stringify([relation.schema, relation.name, column ?? null, text]);

const distinct = <Value>(values: readonly Value[], key: (value: Value) => string): readonly Value[] => [
  ...new Map(values.map((value) => [key(value), value])).values(),
];

/** Places where a rule opens definitions: what is named there need not be there yet. */
export const mayBeMade = (policy: AccessPolicy, { schema, name }: QualifiedName): boolean =>
  policy.rules.some(
    ({ action, match }) =>
      action === 'Allow' &&
      ((match.schemas ?? []).includes(schema) || (match.relations ?? []).some((other) => other.schema === schema && other.name === name)),
  );

/** The name alone: a grant has keys of masks in it. */
const nameOf = ({ schema, name }: QualifiedName): QualifiedName => ({ schema, name });

const masksOf = (grant: RelationGrant): readonly ColumnMask[] => grant.select?.masks ?? [];

const closingRules = (policy: AccessPolicy): AccessPolicy['rules'] => policy.rules.filter(({ action }) => action !== 'Allow');

/** All that policies of one connection name. */
export const wantedNames = (policies: readonly AccessPolicy[]): WantedNames => {
  const grants = policies.flatMap(({ relations }) => relations);
  const rules = policies.flatMap(closingRules);
  return {
    relations: distinct(
      [
        ...grants.map(nameOf),
        ...rules.flatMap(({ match }) => [...(match.relations ?? []), ...(match.columns ?? []).map(({ relation }) => relation)]),
      ],
      nameKey,
    ),
    functions: distinct(
      [...policies.flatMap(({ functions }) => functions), ...rules.flatMap(({ match }) => match.functions ?? [])],
      nameKey,
    ),
    expressions: distinct(
      grants.flatMap((grant) => [
        ...(grant.where === undefined ? [] : [{ relation: nameOf(grant), sql: grant.where, column: undefined }]),
        ...masksOf(grant).flatMap(({ column, mask }) =>
          mask.type === 'Expression' ? [{ relation: nameOf(grant), sql: mask.expression, column }] : [],
        ),
      ]),
      ({ relation, sql, column }) => expressionKey(relation, column, sql),
    ),
    constants: distinct(
      grants.flatMap((grant) =>
        masksOf(grant).flatMap(({ column, mask }) =>
          mask.type === 'Constant' ? [{ relation: nameOf(grant), column, value: mask.value }] : [],
        ),
      ),
      ({ relation, column, value }) => expressionKey(relation, column, value),
    ),
    lists: new Set([
      ...(rules.some(({ match }) => match.schemas !== undefined) ? (['schemas'] as const) : []),
      ...(policies.some(({ extensions }) => extensions.length > 0) ? (['extensions'] as const) : []),
      ...(policies.some(({ settings }) => settings.length > 0) ? (['settings'] as const) : []),
    ]),
  };
};

const didYouMean = (name: string, known: readonly string[], otherwise: string): string => {
  const nearest = nearestName(name, known);
  return nearest === undefined ? otherwise : `Did you mean ${nearest}?`;
};

const relationProblem = (relation: QualifiedName, names: DatabaseNames): NameProblem => ({
  reason: 'RelationNotFound',
  message: () =>
    `relation ${shownName(relation)} does not exist. ${didYouMean(shownName(relation), names.otherRelations, 'Correct the name, or create it.')}`,
});

const columnProblem = (relation: QualifiedName, column: string, known: readonly string[]): NameProblem => ({
  reason: 'ColumnNotFound',
  message: () => {
    const nearest = nearestName(column, known);
    const list = `There are: ${known.slice(0, 20).map(shownIdentifier).join(', ')}.`;
    return `column ${shownIdentifier(column)} of ${shownName(relation)} does not exist. ${
      nearest === undefined ? list : `Did you mean ${shownIdentifier(nearest)}?`
    }`;
  },
});

const maskProblems = (grant: RelationGrant, columns: ReadonlyMap<string, ColumnType>, names: DatabaseNames): readonly NameProblem[] =>
  masksOf(grant).flatMap(({ column, mask }): readonly NameProblem[] => {
    const type = columns.get(column);
    if (type === undefined) return [];
    const place = `column ${shownIdentifier(column)} of ${shownName(grant)}`;
    if (!maskFits(mask, type)) {
      return [
        {
          reason: 'MaskUnsuitable',
          message: () =>
            `mask ${mask.type} cannot serve ${place}, whose type is ${type.written}. Take Redact, Null or an Expression for it.`,
        },
      ];
    }
    const text = mask.type === 'Expression' ? mask.expression : mask.type === 'Constant' ? mask.value : undefined;
    const broken = text === undefined ? undefined : names.broken.get(expressionKey(grant, column, text));
    return broken === undefined
      ? []
      : [{ reason: 'MaskInvalid', message: () => `mask ${mask.type} of ${place}: ${broken}. Correct the mask.` }];
  });

const grantProblems = (policy: AccessPolicy, grant: RelationGrant, names: DatabaseNames): readonly NameProblem[] => {
  const columns = names.relations.get(nameKey(grant));
  if (columns === undefined) return mayBeMade(policy, grant) ? [] : [relationProblem(grant, names)];
  const known = [...columns.keys()];
  const named = [grant.select?.columns, grant.insert?.columns, grant.update?.columns].flatMap((list) =>
    list === undefined || list === '*' ? [] : list,
  );
  const missing = [...new Set([...named, ...masksOf(grant).map(({ column }) => column)])].filter((column) => !columns.has(column));
  const broken = grant.where === undefined ? undefined : names.broken.get(expressionKey(grant, undefined, grant.where));
  return [
    ...(mayBeMade(policy, grant) ? [] : missing.map((column) => columnProblem(grant, column, known))),
    ...maskProblems(grant, columns, names),
    ...(broken === undefined
      ? []
      : [{ reason: 'RowFilterInvalid', message: () => `the row filter of ${shownName(grant)}: ${broken}. Correct its "where".` }]),
  ];
};

const functionProblems = (functions: readonly QualifiedName[], names: DatabaseNames): readonly NameProblem[] =>
  functions
    .filter((name) => !names.functions.has(nameKey(name)))
    .map((name) => ({
      reason: 'FunctionNotFound',
      message: () =>
        `function ${shownName(name)} does not exist. ${didYouMean(shownName(name), names.otherFunctions, 'Correct the name, or create it.')}`,
    }));

const listProblems = (
  wanted: readonly string[],
  known: readonly string[],
  reason: string,
  say: (name: string) => readonly [what: string, otherwise: string],
): readonly NameProblem[] =>
  wanted
    .filter((name) => !known.includes(name))
    .map((name) => {
      const [what, otherwise] = say(name);
      return { reason, message: () => `${what}. ${didYouMean(name, known, otherwise)}` };
    });

const ruleProblems = (policy: AccessPolicy, names: DatabaseNames): readonly NameProblem[] =>
  closingRules(policy).flatMap((rule): readonly NameProblem[] => {
    const { relations = [], schemas = [], functions = [], columns = [] } = rule.match;
    const found = [
      ...relations
        .filter((name) => !names.relations.has(nameKey(name)) && !mayBeMade(policy, name))
        .map((name) => relationProblem(name, names)),
      ...columns.flatMap(({ relation, column }) => {
        if (mayBeMade(policy, relation)) return [];
        const known = names.relations.get(nameKey(relation));
        if (known === undefined) return [relationProblem(relation, names)];
        return known.has(column) ? [] : [columnProblem(relation, column, [...known.keys()])];
      }),
      ...functionProblems(functions, names),
      ...listProblems(
        schemas.filter((schema) => schema !== TEMPORARY_SCHEMA && !mayBeMade(policy, { schema, name: '' })),
        [...names.schemas],
        'SchemaNotFound',
        (name) => [`schema ${shownIdentifier(name)} does not exist`, 'Correct the name.'],
      ),
    ];
    return found.map(({ reason, message }) => ({ reason, message: () => `rule "${rule.name}": ${message()}` }));
  });

/** What of a policy the database does not have, or does not take. */
export const nameProblems = (policy: AccessPolicy, names: DatabaseNames): readonly NameProblem[] => [
  ...policy.relations.flatMap((grant) => grantProblems(policy, grant, names)),
  ...functionProblems(policy.functions, names),
  ...listProblems(policy.extensions, names.extensions, 'ExtensionNotFound', (name) => [
    `extension "${name}" is not installed in the database`,
    'Install it, or take it out of the policy.',
  ]),
  // One with a dot in its name belongs to nobody until it is set.
  ...listProblems(
    policy.settings.filter((name) => !name.includes('.')),
    names.settings,
    'SettingNotFound',
    (name) => [`setting "${name}" is not known to the database`, 'Take it out of the policy.'],
  ),
  ...ruleProblems(policy, names),
];
