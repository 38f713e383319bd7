/**
 * What a definition makes of the catalog, with the names that it was judged by.
 */
import type { CatalogChange } from '../catalog/catalog-change.ts';
import { TEMPORARY_SCHEMA } from '../../kernel/policy.ts';
import type { DefinitionEffect } from '../sql/definition.ts';
import type { Decision, ResolvedRelation, ResolvedUse } from './decision.ts';

type Judged = NonNullable<Decision['definition']>;

type Effect<Type extends DefinitionEffect['type']> = Extract<DefinitionEffect, { type: Type }>;

const KINDS: Readonly<Record<string, string>> = { Table: 'r', View: 'v', MaterializedView: 'm', Sequence: 'S' };

const made = (
  { object, schema, name, exists }: ResolvedUse,
  effect: Effect<'Make'>,
  reads: readonly ResolvedRelation[],
  judged: Judged,
): readonly CatalogChange[] => {
  if (object === 'Schema') return exists ? [] : [{ type: 'SchemaMade', schema: name }];
  if (object === 'Type') return [{ type: 'TypeMade', name: { schema, name } }];
  const kind = KINDS[object];
  // IF NOT EXISTS leaves what is there; OR REPLACE may show other relations than before.
  if (kind === undefined || (exists && object !== 'View')) return [];
  const reaches = object === 'View' || object === 'MaterializedView' ? reads.map(({ relation }) => relation.oid) : [];
  const { columns, primaryKey, onCommitDrop } = effect;
  const unlisted = judged.definition.query === 'None' ? {} : ({ unlisted: true } as const);
  const rest = { ...unlisted, ...(onCommitDrop && { onCommitDrop }), ...typesOf(schema, judged) };
  return [{ type: 'Made', name: { schema, name }, kind, columns, primaryKey, reaches, ...rest }];
};

/** Followed for temporary relations alone: the others are looked up as soon as all can see them. */
const typesOf = (schema: string, { types }: Judged): { readonly types?: readonly string[] } =>
  schema === TEMPORARY_SCHEMA && types !== undefined ? { types } : {};

const dropped = ({ object, schema, name, exists, dependents }: ResolvedUse): readonly CatalogChange[] => {
  if (!exists) return [];
  if (object === 'Schema') return [{ type: 'SchemaDropped', schema: name }];
  if (object === 'Type') return [{ type: 'TypeDropped', name: { schema, name } }];
  if (object === 'Index') return [{ type: 'IndexDropped', name: { schema, name } }];
  return [{ schema, name }, ...dependents].map((each) => ({ type: 'Dropped', name: { schema: each.schema, name: each.name } }));
};

const NOTHING = { added: [], dropped: [], renamed: [], primaryKey: undefined } as const;

const changeOf = (
  use: ResolvedUse,
  effect: DefinitionEffect,
  reads: readonly ResolvedRelation[],
  judged: Judged,
): readonly CatalogChange[] => {
  const name = { schema: use.schema, name: use.name };
  if (effect.type === 'Make') return made(use, effect, reads, judged);
  if (effect.type === 'Drop') return dropped(use);
  if (!use.exists) return [];
  const altered = { type: 'Altered', name, ...NOTHING, ...typesOf(use.schema, judged) } as const;
  switch (effect.type) {
    case 'Rename':
    case 'SetSchema': {
      const to = effect.type === 'Rename' ? { ...name, name: effect.to } : { ...name, schema: effect.to };
      if (use.object !== 'Type') return [{ type: 'Moved', name, to }];
      return [
        { type: 'TypeDropped', name },
        { type: 'TypeMade', name: to },
      ];
    }
    case 'AddColumn':
      return use.relation?.columns.some((column) => column.name === effect.column.name) ? [] : [{ ...altered, added: [effect.column] }];
    case 'DropColumn':
      return [{ ...altered, dropped: [effect.column] }];
    case 'RenameColumn':
      return [{ ...altered, renamed: [[effect.column, effect.to]] }];
    case 'PrimaryKey':
      return [{ ...altered, primaryKey: effect.columns }];
    case 'MakeIndex':
      return [{ type: 'IndexMade', name: { schema: use.schema, name: effect.name }, table: name }];
    default:
      return effect satisfies never;
  }
};

/** Also relations whose columns only change in type are marked as changed: their scopes were made for another. */
const marks = (judged: Judged): readonly CatalogChange[] =>
  judged.uses
    .filter(
      ({ use, relation, object }) =>
        judged.definition.verb === 'Alter' && relation !== undefined && object !== 'Index' && use.act !== 'Move' && use.act !== 'Refer',
    )
    .map(({ schema, name }) => ({ type: 'Altered', name: { schema, name }, ...NOTHING, ...typesOf(schema, judged) }));

/** The changes of a definition, in order. `reads`: what its query reads. */
export const definitionChanges = (judged: Judged, reads: readonly ResolvedRelation[]): readonly CatalogChange[] => {
  const { definition, uses } = judged;
  const changes = definition.effects.flatMap((effect) => {
    const written = definition.uses[effect.use];
    const use = uses.find((each) => each.use === written);
    return use === undefined ? [] : changeOf(use, effect, reads, judged);
  });
  return [...marks(judged), ...changes];
};
