/**
 * What of a view may be seen by what its definition shows: the masks, hidden columns and row filters beneath it, traced to its columns.
 */
import type { Mask } from '../../../kernel/policy.ts';
import type { CatalogColumn, CatalogRelation } from '../../catalog/catalog.ts';
import type { Grammar } from '../../sql/grammar.ts';
import { renamedExpression } from './renamed-expression.ts';
import { bothConditions, CLEAR, type ColumnSight, displayName, isClear, NULL_MASK, type Seen, strictest } from './seen.ts';
import type { Lineage, Part, Telling } from './lineage.ts';
import { type Leaf, leafKey, leavesOf, type Value } from './value.ts';

export type ViewSurroundings = {
  /** What is seen of a relation that the definition names. */
  readonly seen: (relation: CatalogRelation) => Seen;
  /** May the agent write what stands in the column? */
  readonly writes: (relation: CatalogRelation, column: string) => boolean;
  readonly grammar: Grammar;
};

/** Types that show every character of each other. */
const TEXT = new Set(['text', 'character varying']);

const columnOf = (leaf: Leaf): CatalogColumn | undefined => leaf.relation?.columns.find(({ name }) => name === leaf.column);

/** Does the mask of one column show no more of the other, which holds the same values? */
const isSameType = (base: CatalogColumn | undefined, shown: CatalogColumn): boolean => {
  if (base === undefined) return false;
  if (base.castTo === shown.castTo) return true;
  return TEXT.has(shown.castTo) && (TEXT.has(base.castTo) || base.baseType === 'varchar');
};

/** Which column of the view shows a column of one entry as it is. */
const shownAs =
  (item: number, view: CatalogRelation, outputs: readonly Value[]) =>
  (column: string): string | undefined => {
    const index = outputs.findIndex(
      ({ only, same: [leaf] }, each) =>
        only && leaf?.item === item && leaf.column === column && columnOf(leaf)?.castTo === view.columns[each]?.castTo,
    );
    return view.columns[index]?.name;
  };

const nameOf = ({ relation, column }: Leaf): string => (relation === undefined ? column : `${displayName(relation)}.${column}`);

const fromOf = (leaf: Leaf, sight: ColumnSight): string => sight.from ?? nameOf(leaf);

/** The view's own columns and rows. Its lineage has as many outputs as it has columns. */
export const seenOfView = (view: CatalogRelation, lineage: Lineage, surroundings: ViewSurroundings): Seen => {
  const { grammar } = surroundings;
  const sightOf = ({ relation, column, calledWith }: Leaf): ColumnSight => {
    if (relation !== undefined) return surroundings.seen(relation).columns.get(column) ?? CLEAR;
    return calledWith === undefined ? CLEAR : { hidden: false, mask: NULL_MASK, from: column };
  };
  const problems: string[] = [];
  for (const { relation } of lineage.items) {
    const { problem } = surroundings.seen(relation);
    if (problem !== undefined) problems.push(`it shows ${displayName(relation)}: ${problem}`);
  }
  const tellings = lineage.tellings.map((telling) => ({ ...telling, leaves: telling.leaves.flatMap((leaf) => comparedIn(leaf, sightOf)) }));
  const oracle = tellings.find((telling) => isOracle(telling, sightOf, surroundings));
  if (oracle !== undefined) {
    const masked = oracle.leaves.find((leaf) => sightOf(leaf).mask !== undefined)!;
    const what = masked.relation === undefined ? `what ${nameOf(masked)} makes` : `masked ${nameOf(masked)}`;
    problems.push(`its rows depend on how ${what} compares with what the agent may write or set`);
  }
  const tied = tiedLeaves(tellings, sightOf);
  const carried = (mask: Mask, leaf: Leaf): Mask => {
    if (mask.type !== 'Expression') return mask;
    const renamed = renamedExpression(mask.expression, shownAs(leaf.item, view, lineage.outputs), grammar);
    return renamed === undefined ? NULL_MASK : { type: 'Expression', expression: renamed.sql };
  };
  const columns = new Map<string, ColumnSight>();
  for (const [index, column] of view.columns.entries()) {
    const sight = sightOfOutput(lineage.outputs[index]!, column, { sightOf, tied, carried });
    if (!isClear(sight)) columns.set(column.name, sight);
  }
  const filters = lineage.parts.map((part) => filtersOf(part, view, surroundings));
  const [first] = filters;
  const isSame = (one: ReadonlySet<string>): boolean => one.size === first?.passed.size && [...one].every((each) => first.passed.has(each));
  // Of several queries, a filter that is not that of all of them would leave out rows of the others.
  const kept = filters.every(({ passed }) => isSame(passed)) ? [] : filters.flatMap(({ filtered }) => filtered);
  for (const relation of [...filters.flatMap(({ lost }) => lost), ...kept]) {
    problems.push(`it shows rows of ${displayName(relation)}, which has a row filter, in a way that the filter cannot be applied to`);
  }
  const where = bothConditions([...(first?.passed ?? [])]);
  return { columns, where, ...(problems[0] !== undefined && { problem: problems[0] }) };
};

/** Row filters of what a query shows, as conditions over the view's columns. `lost`: relations whose filter cannot be said there. */
const filtersOf = ({ items, passing, outputs }: Part, view: CatalogRelation, { seen, grammar }: ViewSurroundings) => {
  const passed = new Set<string>();
  const filtered: CatalogRelation[] = [];
  const lost: CatalogRelation[] = [];
  for (const { item, relation } of items) {
    const { where } = seen(relation);
    if (where === undefined) continue;
    filtered.push(relation);
    const renamed = passing.has(item) ? renamedExpression(where, shownAs(item, view, outputs), grammar) : undefined;
    if (renamed !== undefined && renamed.columns.length > 0) passed.add(renamed.sql);
    else lost.push(relation);
  }
  return { passed, filtered, lost };
};

/** A call stands for what it is called with where that is masked: what it makes of it is compared with the rest. */
const comparedIn = (leaf: Leaf, sightOf: (leaf: Leaf) => ColumnSight): readonly Leaf[] => {
  const arguments_ = (leaf.calledWith ?? []).flatMap((each) => comparedIn(each, sightOf));
  return arguments_.some((each) => isMaskedColumn(each, sightOf)) ? [leaf, ...arguments_] : [leaf];
};

const isMaskedColumn = (leaf: Leaf, sightOf: (leaf: Leaf) => ColumnSight): boolean =>
  leaf.relation !== undefined && sightOf(leaf).mask !== undefined;

/**
 * Do the rows tell how a masked value compares with one that the agent chooses? What the definition compares with constants it tells
 * for the definition's owner; by what is the agent's own, every value could be found.
 */
const isOracle = (telling: Telling, sightOf: (leaf: Leaf) => ColumnSight, { writes }: ViewSurroundings): boolean => {
  const masked = telling.leaves.filter((leaf) => sightOf(leaf).mask !== undefined);
  if (masked.length === 0) return false;
  // What a function makes of visible columns is compared with nothing where it is only called, or sorted by.
  const isOfColumn = masked.some((leaf) => isMaskedColumn(leaf, sightOf));
  if (telling.asksSetting) return isOfColumn;
  const written = telling.leaves.filter(({ relation, column }) => relation !== undefined && writes(relation, column));
  if (telling.type === 'Rows') return isOfColumn && written.length > 0;
  return written.some((leaf) => masked.some((other) => leafKey(other) !== leafKey(leaf)));
};

/** Columns that a condition compares with a masked one: equal to it, they would show it. */
const tiedLeaves = (tellings: readonly Telling[], sightOf: (leaf: Leaf) => ColumnSight): ReadonlyMap<string, string> => {
  const tied = new Map<string, string>();
  for (const { type, leaves } of tellings) {
    const masked = type === 'Condition' ? leaves.find((leaf) => sightOf(leaf).mask !== undefined) : undefined;
    if (masked === undefined) continue;
    for (const leaf of leaves) tied.set(leafKey(leaf), fromOf(masked, sightOf(masked)));
  }
  return tied;
};

type OutputContext = {
  readonly sightOf: (leaf: Leaf) => ColumnSight;
  readonly tied: ReadonlyMap<string, string>;
  readonly carried: (mask: Mask, leaf: Leaf) => Mask;
};

const sightOfOutput = (value: Value, column: CatalogColumn, { sightOf, tied, carried }: OutputContext): ColumnSight => {
  if (value.unknown !== undefined) return { hidden: false, mask: NULL_MASK, from: value.unknown };
  const leaves = leavesOf(value);
  const hiddenBy = leaves.find((leaf) => sightOf(leaf).hidden);
  const hidden = hiddenBy !== undefined;
  const maskedBy = value.by.find((leaf) => sightOf(leaf).mask !== undefined);
  if (maskedBy !== undefined) return { hidden, mask: NULL_MASK, from: fromOf(maskedBy, sightOf(maskedBy)) };
  const masked = value.same.filter((leaf) => sightOf(leaf).mask !== undefined);
  const [first] = masked;
  if (first !== undefined) {
    const fits = masked.every((leaf) => isSameType(columnOf(leaf), column));
    const mask = fits ? strictest(masked.map((leaf) => carried(sightOf(leaf).mask!, leaf))) : NULL_MASK;
    return { hidden, mask, from: fromOf(first, sightOf(first)) };
  }
  const tie = leaves.map((leaf) => tied.get(leafKey(leaf))).find((from) => from !== undefined);
  if (tie !== undefined) return { hidden, mask: NULL_MASK, from: tie };
  return hiddenBy === undefined ? CLEAR : { hidden, mask: undefined, from: fromOf(hiddenBy, sightOf(hiddenBy)) };
};
