/**
 * The fence of a row filter, `OFFSET 0`, keeps the agent's expressions from running on hidden rows, and with it the indexes from the
 * agent's conditions. Where no condition of the statement could fail or tell, there is no fence; where some could, those that cannot
 * are said once more behind it.
 */
import type { Catalog } from '../catalog/catalog.ts';
import type { Analysis, RelationReference } from '../sql/analysis.ts';
import { parameterTypes } from '../sql/parameter-types.ts';
import type { Tree } from '../sql/tree.ts';
import { conditionText } from './condition-text.ts';
import { readConditions } from './conditions.ts';
import { sealedReferences } from './sealed.ts';
import { mayFailOnSamples } from './estimates.ts';
import { isHarmlessFilter } from './harmless-filter.ts';
import type { Scope, ScopedRelation } from './scope.ts';

export type FenceContext = {
  readonly catalog: Catalog;
  /** Oids of the types that the client declares for parameters; undefined where that is not known. */
  readonly declared: readonly number[] | undefined;
};

/** The scopes of one statement as they stand in it. `statement` is what was parsed. */
export const fenced = (
  scopes: ReadonlyMap<RelationReference, Scope>,
  { form }: Analysis,
  statement: Tree,
  { catalog, declared }: FenceContext,
): ReadonlyMap<RelationReference, Scope> => {
  // INVARIANT: EXPLAIN ANALYZE counts the rows that a filter removed; beside a condition, those that meet it are counted. It tells how much
  // memory a node took, too, in which hidden columns may lie unless a fence keeps them out.
  const explained = form.type === 'Explain';
  const counts = explained && form.analyzed;
  const isConcerned = (scope: Scope): boolean => scope.type === 'Scoped' && (scope.fence !== undefined || (counts && isBareOfFence(scope)));
  if (![...scopes.values()].some(isConcerned)) return scopes;
  let blind: boolean | undefined;
  // INVARIANT: any EXPLAIN prints estimates, and shows by the plan what they were. They come from samples of hidden rows, too, unless the
  // columns are expressions, and no condition stands where it is estimated by them.
  const isBlind = (): boolean => (blind ??= explained || mayFailOnSamples(statement, catalog));
  const parameters = parameterTypes(statement, declared, (name) => catalog.userTypes.has(name));
  const conditions = explained ? NONE : conditionsOf(statement, { scopes, parameters, catalog });
  const written = new Map<RelationReference, Scope>();
  for (const [reference, scope] of scopes) {
    if (counts && scope.type === 'Scoped' && isBareOfFence(scope)) written.set(reference, { ...scope, tail: ' OFFSET 0' });
    else written.set(reference, scope.type === 'Scoped' ? fencedScope(scope, { reference, isBlind, conditions, catalog }) : scope);
  }
  return written;
};

/** Does it hide columns, and no rows? */
const isBareOfFence = ({ tail, masked, columns, relation }: ScopedRelation): boolean =>
  tail === '' && (masked.length > 0 || columns.length < relation.columns.length);

/** Does a condition of the agent's meet hidden rows, or what a node of the plan keeps hold hidden columns? */
export const isUnfenced = (scope: Scope): boolean =>
  scope.type === 'Scoped' && (scope.unfenced === true || scope.repeated !== undefined || isBareOfFence(scope));

type Known = {
  readonly harmless: boolean;
  /** References that only harmless conditions reach, whatever the rest of the statement has. */
  readonly sealed: ReadonlySet<RelationReference>;
  readonly own: ReadonlyMap<RelationReference, readonly Tree[]>;
};

const NONE: Known = { harmless: false, sealed: new Set(), own: new Map() };

/** A statement that is nested too deep to be read keeps its fences. */
const conditionsOf = (...parameters: Parameters<typeof readConditions>): Known => {
  try {
    const { harmless, own } = readConditions(...parameters);
    return harmless ? { ...NONE, harmless } : { harmless, sealed: sealedReferences(...parameters), own: own() };
  } catch (error) {
    if (error instanceof RangeError) return NONE;
    throw error;
  }
};

type Place = {
  readonly reference: RelationReference;
  readonly isBlind: () => boolean;
  readonly conditions: Known;
  readonly catalog: Catalog;
};

const fencedScope = (scope: ScopedRelation, { reference, isBlind, conditions, catalog }: Place): ScopedRelation => {
  const { fence, relation } = scope;
  if (fence === undefined) return scope;
  // A filter that may fail would tell which rows it was asked about.
  const isOpen = isHarmlessFilter(fence, relation, catalog);
  if ((conditions.harmless || conditions.sealed.has(reference)) && isOpen)
    return { ...scope, tail: ` WHERE ${fence.filter}`, unfenced: true };
  const repeated = isOpen ? (conditions.own.get(reference) ?? []) : [];
  const more = repeated.map((condition) => ` AND ${conditionText(condition)}`).join('');
  return {
    ...scope,
    ...(isBlind() && { list: fence.blindList, recordedList: fence.blindRecordedList }),
    tail: ` WHERE ${fence.filter}${more} OFFSET 0`,
    ...(repeated.length > 0 && { repeated }),
  };
};
