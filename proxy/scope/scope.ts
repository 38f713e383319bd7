/**
 * The scope of a relation: what a session may see of it, as a sub-select that stands in its place.
 */
import type { Mask, RelationGrant } from '../../kernel/policy.ts';
import type { CatalogRelation } from '../catalog/catalog.ts';
import type { SystemRelation } from '../catalog/builtin/relations.ts';
import type { Grammar } from '../sql/grammar.ts';
import type { Tree } from '../sql/tree.ts';
import { withoutSamples } from './estimates.ts';
import { maskSql } from './mask.ts';
import { baseColumn, type LookedUp, lookedUpBy, NOTHING_LOOKED_UP, type PolicyExpression, policyExpression } from './policy-expression.ts';
import { quoteIdentifier } from './quote.ts';
import type { Witness } from './witness.ts';

export type Scope =
  /** Seen whole and as it is: only its name is written out qualified. */
  | { readonly type: 'Bare'; readonly relation: CatalogRelation }
  | ScopedRelation
  | { readonly type: 'Unusable'; readonly relation: CatalogRelation; readonly problem: string };

export type ScopedRelation = {
  readonly type: 'Scoped';
  readonly relation: CatalogRelation;
  /** Visible columns in order. */
  readonly columns: readonly string[];
  /** Select list of the sub-select; `recordedList` is the same without keys. */
  readonly list: string;
  readonly recordedList: string;
  /** `WHERE ... OFFSET 0`, or nothing. */
  readonly tail: string;
  /** Of a view: that it is still the one that was traced. */
  readonly witness?: Witness;
  /** Of a policy's filter: see `fenced`. */
  readonly fence?: Fence;
  /** The statement has no condition that hidden rows have to be kept from: there is no OFFSET 0. */
  readonly unfenced?: boolean;
  /** Conditions of the statement that are said once more behind the fence. */
  readonly repeated?: readonly Tree[];
  /** The primary key, where each of its columns is visible and still tells rows apart. */
  readonly key: readonly string[];
  /** Visible columns of types without equality. */
  readonly incomparable: readonly string[];
  readonly masked: readonly string[];
  readonly filtered: boolean;
  readonly keyed: boolean;
  /** By the policy's expressions. */
  readonly lookedUp?: LookedUp;
  /** A filter or mask expression of the policy may raise an error that prints a raw value. */
  readonly mayFail: boolean;
};

/** What is behind a row filter. */
export type Fence = {
  /** What WHERE says, and the same as the policy's author wrote it. */
  readonly filter: string;
  readonly condition: Tree;
  /** The select list, and without keys, where the planner is to have no samples of the columns. */
  readonly blindList: string;
  readonly blindRecordedList: string;
};

/** Do different values stay different? */
const isTelling = (mask: Mask | undefined): boolean => mask === undefined || mask.type === 'Hash';

/** Types of pg_catalog without an operator class that GROUP BY could use. */
const INCOMPARABLE = new Set(
  'json jsonpath xml point lseg path box polygon line circle refcursor txid_snapshot pg_snapshot gtsvector'.split(' '),
);

const incomparableOf = (relation: CatalogRelation): readonly string[] =>
  relation.columns.filter((column) => INCOMPARABLE.has(column.baseType.replace(/^_/, ''))).map((column) => column.name);

/** The scope of a granted relation. `grammar` is loaded. */
export const scopeOf = (relation: CatalogRelation, grant: RelationGrant, grammar: Grammar): Scope => {
  const unusable = (problem: string): Scope => ({ type: 'Unusable', relation, problem });
  const select = grant.select;
  if (select === undefined) return unusable('the grant does not allow reading');
  const masks = new Map(select.masks.map((entry) => [entry.column, entry.mask]));
  const known = new Set(relation.columns.map((column) => column.name));
  const named = [...masks.keys(), ...(select.columns === '*' ? [] : select.columns)];
  for (const name of named) if (!known.has(name)) return unusable(`column "${name}" does not exist in ${relation.schema}.${relation.name}`);
  if (select.columns === '*' && masks.size === 0 && grant.where === undefined) return { type: 'Bare', relation };

  const clear = select.columns === '*' ? known : new Set(select.columns);
  const columns: string[] = [];
  const list: string[] = [];
  const recordedList: string[] = [];
  const blind: string[] = [];
  const blindRecorded: string[] = [];
  let mayFail = false;
  let lookedUp = NOTHING_LOOKED_UP;
  const expression = (sql: string): PolicyExpression => {
    const written = policyExpression(sql, relation, grammar);
    if (written.ok) lookedUp = lookedUpBy(lookedUp, written.lookedUp);
    return written;
  };
  for (const column of relation.columns) {
    const mask = masks.get(column.name);
    if (mask === undefined && !clear.has(column.name)) continue;
    const name = quoteIdentifier(column.name);
    columns.push(column.name);
    if (mask === undefined) {
      list.push(baseColumn(column.name));
      recordedList.push(baseColumn(column.name));
      const hidden = `${withoutSamples(baseColumn(column.name))} AS ${name}`;
      blind.push(hidden);
      blindRecorded.push(hidden);
      continue;
    }
    if (mask.type === 'Expression') mayFail = true;
    const written = maskSql(mask, column, expression);
    if (!written.ok) return unusable(written.problem);
    for (const each of [list, blind]) each.push(`${written.sql} AS ${name}`);
    for (const each of [recordedList, blindRecorded]) each.push(`${written.recorded} AS ${name}`);
  }
  let tail = '';
  let fence: Fence | undefined;
  if (grant.where !== undefined) {
    const filter = expression(grant.where);
    if (!filter.ok) return unusable(filter.problem);
    mayFail ||= filter.mayFail;
    // INVARIANT: OFFSET 0 is the fence that keeps the agent's expressions from running on hidden rows.
    tail = ` WHERE ${filter.sql} OFFSET 0`;
    fence = {
      filter: filter.sql,
      condition: filter.tree,
      blindList: blind.join(', '),
      blindRecordedList: blindRecorded.join(', '),
    };
  }
  return {
    type: 'Scoped',
    relation,
    columns,
    list: list.join(', '),
    recordedList: recordedList.join(', '),
    tail,
    ...(fence !== undefined && { fence }),
    key: relation.primaryKey.every((name) => columns.includes(name) && isTelling(masks.get(name))) ? relation.primaryKey : [],
    incomparable: incomparableOf(relation),
    masked: [...masks.keys()],
    filtered: grant.where !== undefined,
    keyed: select.masks.some((entry) => entry.mask.type === 'Hash'),
    mayFail,
    ...(lookedUp.operators.length > 0 && { lookedUp }),
  };
};

/** The scope of a relation of PostgreSQL's own: some of its columns are NULL, some of its rows are left out. */
export const systemScope = (relation: CatalogRelation, system: Extract<SystemRelation, { type: 'Scoped' }>): ScopedRelation => {
  const hidden = new Set(system.hide);
  const list = relation.columns
    .map((column) => (hidden.has(column.name) ? `NULL::${column.castTo} AS ${quoteIdentifier(column.name)}` : baseColumn(column.name)))
    .join(', ');
  return {
    type: 'Scoped',
    relation,
    columns: relation.columns.map((column) => column.name),
    list,
    recordedList: list,
    tail: system.where === undefined ? '' : ` WHERE ${system.where} OFFSET 0`,
    key: relation.primaryKey.some((name) => hidden.has(name)) ? [] : relation.primaryKey,
    incomparable: incomparableOf(relation),
    masked: [],
    filtered: false,
    keyed: false,
    mayFail: false,
  };
};

/** A statement that fails when the server cannot evaluate the scope's constants and casts. It reads no row. */
export const probeOf = (scope: ScopedRelation): string =>
  `SELECT * FROM (SELECT ${scope.list} FROM ${quoteIdentifier(scope.relation.schema)}.${quoteIdentifier(scope.relation.name)} AS r${scope.tail}) AS probe LIMIT 0`;
