/**
 * Temporary relations of a session, as far as its own statements made them: those of functions and triggers are never known here, and
 * what is not known is refused.
 */
import { TEMPORARY_SCHEMA } from '../../kernel/policy.ts';
import type { Catalog } from './catalog.ts';
import type { CatalogChange } from './catalog-change.ts';

type Made = Extract<CatalogChange, { type: 'Made' }>;
type Altered = Extract<CatalogChange, { type: 'Altered' }>;

/** Is the change one of temporary relations? */
export const isTemporaryChange = (change: CatalogChange): boolean => !('schema' in change) && change.name.schema === TEMPORARY_SCHEMA;

const altered = ({ types: before, ...made }: Made, { added, dropped, renamed, primaryKey, types: more }: Altered): Made => {
  const names = new Map(renamed);
  const nameOf = (name: string): string => names.get(name) ?? name;
  const kept = made.columns.filter(({ name }) => !dropped.includes(name)).map((column) => ({ ...column, name: nameOf(column.name) }));
  const key = (primaryKey ?? made.primaryKey).filter((name) => !dropped.includes(name)).map(nameOf);
  const types = before === undefined || more === undefined ? {} : { types: [...new Set([...before, ...more])] };
  return { ...made, columns: [...kept, ...added], primaryKey: key, ...types };
};

type Index = Extract<CatalogChange, { type: 'IndexMade' }>;

/** What is left of the changes of temporary relations, each once. */
const folded = (changes: readonly CatalogChange[]): readonly CatalogChange[] => {
  const tables = new Map<string, Made>();
  const indexes = new Map<string, Index>();
  for (const change of changes) {
    if (!isTemporaryChange(change)) continue;
    switch (change.type) {
      case 'Made':
        tables.set(change.name.name, change);
        break;
      case 'Dropped':
        tables.delete(change.name.name);
        break;
      case 'Altered': {
        const made = tables.get(change.name.name);
        if (made !== undefined) tables.set(change.name.name, altered(made, change));
        break;
      }
      case 'Moved':
        move(change, tables, indexes);
        break;
      case 'IndexMade':
        indexes.set(change.name.name, change);
        break;
      case 'IndexDropped':
        indexes.delete(change.name.name);
        break;
      default:
    }
  }
  return [...tables.values(), ...[...indexes.values()].filter(({ table }) => tables.has(table.name))];
};

const move = ({ name, to }: Extract<CatalogChange, { type: 'Moved' }>, tables: Map<string, Made>, indexes: Map<string, Index>): void => {
  const made = tables.get(name.name);
  const index = indexes.get(name.name);
  tables.delete(name.name);
  indexes.delete(name.name);
  if (index !== undefined) indexes.set(to.name, { ...index, name: to });
  if (made === undefined) return;
  tables.set(to.name, { ...made, name: to });
  for (const [key, each] of indexes) if (each.table.name === name.name) indexes.set(key, { ...each, table: to });
};

/** Changes after the COMMIT of the transaction that they stand in: `ON COMMIT DROP` has been. */
export const committed = (changes: readonly CatalogChange[]): readonly CatalogChange[] => {
  if (!changes.some((change) => change.type === 'Made' && change.onCommitDrop === true)) return changes;
  return [...changes.filter((change) => !isTemporaryChange(change)), ...lasting(changes)];
};

const isLasting = (change: CatalogChange): boolean =>
  isTemporaryChange(change) && (change.type === 'IndexMade' || (change.type === 'Made' && change.onCommitDrop !== true));

/** What a session keeps of its changes when a transaction has ended, and others see the rest. */
export const lasting = (changes: readonly CatalogChange[]): readonly CatalogChange[] =>
  changes.every(isLasting) ? changes : folded(changes).filter(isLasting);

/** The changes without those of temporary relations. */
export const withoutTemporary = (changes: readonly CatalogChange[]): readonly CatalogChange[] =>
  changes.some(isTemporaryChange) ? changes.filter((change) => !isTemporaryChange(change)) : changes;

/** What names stand for in a catalog. */
type Names = { readonly relations: ReadonlySet<string>; readonly mentioned: ReadonlySet<string> };

const known = new WeakMap<Catalog['relations'], Names>();

const namesOf = ({ relations, indexes, mentioned }: Catalog): Names => {
  const before = known.get(relations);
  if (before?.mentioned === mentioned) return before;
  const names = new Set<string>();
  for (const { schema, name } of relations.values()) if (schema !== TEMPORARY_SCHEMA) names.add(name);
  for (const key of indexes.keys()) {
    const [schema = '', name = ''] = key.split('\u0000');
    if (schema !== TEMPORARY_SCHEMA) names.add(name);
  }
  const found = { relations: names, mentioned };
  known.set(relations, found);
  return found;
};

/**
 * What else in the database has the name, or is called by it; undefined: nothing.
 * INVARIANT: within functions and triggers a temporary relation comes before all others, so that one with the name of another would be given
 * what they write, and what they read would be the agent's. The array type of a relation is called as it is, with an underscore.
 */
export const otherOfName = (name: string, catalog: Catalog): string | undefined => {
  const { relations, mentioned } = namesOf(catalog);
  if (relations.has(name) || relations.has(`_${name}`)) return 'A relation of the database has this name';
  if ([name, `_${name}`].some((each) => catalog.builtinTypes.has(each) || catalog.userTypes.has(each)))
    return 'A type of the database has this name';
  return mentioned.has(name.toLowerCase()) ? 'A function of the database may mean it by this name' : undefined;
};
