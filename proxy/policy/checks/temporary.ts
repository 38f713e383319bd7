/**
 * Definitions of temporary tables: they hide nothing from their agent, so that only their names can do harm.
 */
import { otherOfName } from '../../catalog/temporary.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { Definition, NewColumn } from '../../sql/definition.ts';
import type { DecisionContext, ResolvedUse } from '../decision.ts';

type Problem = readonly [detail: string, hint: string];

/** Bytes of a name in PostgreSQL. */
const LONGEST = 63;

/** The name that PostgreSQL gives the sequence of a column (`makeObjectName` of indexcmds.c). */
const sequenceOf = (table: string, column: string): string => {
  const rest = LONGEST - '__seq'.length;
  const parts = [Buffer.from(table), Buffer.from(column)] as const;
  let [first, second] = [parts[0].length, parts[1].length];
  while (first + second > rest) {
    if (first > second) first -= 1;
    else second -= 1;
  }
  return `${parts[0].toString('utf8', 0, first)}_${parts[1].toString('utf8', 0, second)}_seq`;
};

/** Tables and views that are called as an index of this table could be. */
const calledAsIndex = (name: string, { relations }: Catalog): boolean =>
  [...relations.values()].some((other) => other.name.startsWith(`${name}_`) && /_(key|pkey|idx|excl)\d*$/.test(other.name));

const nameProblem = (name: string, catalog: Catalog): Problem | undefined => {
  const other = otherOfName(name, catalog);
  return other === undefined
    ? undefined
    : [`${other}, and within functions and triggers a temporary one would be taken for it: ${name}.`, 'Use another name.'];
};

const tableNameProblem = (name: string, catalog: Catalog): Problem | undefined =>
  nameProblem(name, catalog) ??
  (calledAsIndex(name, catalog)
    ? ['A relation of the database is called as one of its indexes could be.', 'Use another name.']
    : undefined);

const first = (names: readonly string[], problem: (name: string) => Problem | undefined): Problem | undefined => {
  for (const name of names) {
    const found = problem(name);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** Why the act is not for temporary relations; undefined where it is. */
export const temporaryProblem = (
  { use, object, name, exists }: ResolvedUse,
  definition: Definition,
  { catalog }: DecisionContext,
): Problem | undefined => {
  if (object !== 'Table' && object !== 'Index')
    return ['Of temporary relations only tables and their indexes are let through.', 'Make a table.'];
  const ofName = (each: string): Problem | undefined => nameProblem(each, catalog);
  const isNew = use.act === 'Make' && !exists;
  const columns: NewColumn[] = [];
  const names: string[] = [...(definition.named ?? [])];
  const tables: string[] = isNew ? [name] : [];
  for (const effect of definition.effects) {
    if (definition.uses[effect.use] !== use) continue;
    switch (effect.type) {
      case 'Make':
        if (isNew) columns.push(...effect.columns);
        break;
      case 'AddColumn':
        columns.push(effect.column);
        break;
      case 'MakeIndex':
        names.push(effect.name);
        break;
      case 'Rename':
        if (object === 'Table') tables.push(effect.to);
        else names.push(effect.to);
        break;
      case 'SetSchema':
        return ['A temporary relation stays where it is.', 'Copy its rows into another table.'];
      default:
    }
  }
  const sequences = columns.map((column) => sequenceOf(name, column.name));
  return first(tables, (each) => tableNameProblem(each, catalog)) ?? first([...names, ...sequences], ofName);
};
