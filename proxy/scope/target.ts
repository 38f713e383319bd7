/**
 * What a statement may read of the relation that it writes. That relation stands in the statement itself, so its masks and its row filter
 * are written over the name that it has there.
 */
import type { RelationGrant } from '../../kernel/policy.ts';
import type { CatalogColumn, CatalogRelation } from '../catalog/catalog.ts';
import type { Grammar } from '../sql/grammar.ts';
import type { Tree } from '../sql/tree.ts';
import { maskSql } from './mask.ts';
import { type LookedUp, lookedUpBy, NOTHING_LOOKED_UP, type PolicyExpression, policyExpression } from './policy-expression.ts';
import { quoteIdentifier } from './quote.ts';

/** A column as it may be read. `recorded` is `sql` without the key. */
export type TargetColumn = { readonly column: CatalogColumn; readonly sql: string; readonly recorded: string; readonly masked: boolean };

/** The rows of a target under one of its names. */
export type TargetView = {
  /** By name, in the relation's order; those that may not be read are not there. */
  readonly columns: ReadonlyMap<string, TargetColumn>;
  /** The row filter as a condition in parentheses. */
  readonly filter: string | undefined;
};

/** `All`: the whole condition. Otherwise the harmless parts of it, as texts. */
export type OpenConditions = 'All' | readonly string[];

/** Does any condition of the agent's meet rows that the filter hides? */
export const isOpened = (open: OpenConditions): boolean => open === 'All' || open.length > 0;

export type TargetScope = {
  readonly type: 'Target';
  readonly relation: CatalogRelation;
  readonly grant: RelationGrant;
  /** By the names that the statement has for its rows: an alias, `excluded`, `old`, `new`. */
  readonly views: ReadonlyMap<string, TargetView>;
  readonly masked: readonly string[];
  /** The row filter as the policy's author wrote it. */
  readonly filter: Tree | undefined;
  readonly filtered: boolean;
  /** Conditions of the statement that may be evaluated beside the filter. */
  readonly open: OpenConditions;
  readonly keyed: boolean;
  /** By the policy's expressions. */
  readonly lookedUp?: LookedUp;
  /** A filter or mask expression of the policy may raise an error that prints a raw value. */
  readonly mayFail: boolean;
};

export type TargetResult = { readonly ok: true; readonly scope: TargetScope } | { readonly ok: false; readonly problem: string };

/** The scope of a target that has these names in its statement. `grammar` is loaded. */
export const targetScope = (relation: CatalogRelation, grant: RelationGrant, names: readonly string[], grammar: Grammar): TargetResult => {
  const masks = new Map((grant.select?.masks ?? []).map((entry) => [entry.column, entry.mask]));
  const listed = grant.select?.columns ?? [];
  const views = new Map<string, TargetView>();
  let condition: Tree | undefined;
  let lookedUp = NOTHING_LOOKED_UP;
  const expression = (sql: string, alias: string): PolicyExpression => {
    const written = policyExpression(sql, relation, grammar, alias);
    if (written.ok) lookedUp = lookedUpBy(lookedUp, written.lookedUp);
    return written;
  };
  let mayFail = [...masks.values()].some(({ type }) => type === 'Expression');
  for (const name of names) {
    const alias = quoteIdentifier(name);
    const columns = new Map<string, TargetColumn>();
    for (const column of relation.columns) {
      const mask = masks.get(column.name);
      const raw = `${alias}.${quoteIdentifier(column.name)}`;
      if (mask !== undefined) {
        const written = maskSql(mask, column, (sql) => expression(sql, alias), alias);
        if (!written.ok) return written;
        columns.set(column.name, { column, sql: `(${written.sql})`, recorded: `(${written.recorded})`, masked: true });
      } else if (listed === '*' || listed.includes(column.name)) {
        columns.set(column.name, { column, sql: raw, recorded: raw, masked: false });
      }
    }
    let filter: string | undefined;
    if (grant.where !== undefined) {
      const written = expression(grant.where, alias);
      if (!written.ok) return written;
      mayFail ||= written.mayFail;
      filter = written.sql;
      condition = written.tree;
    }
    views.set(name, { columns, filter });
  }
  return {
    ok: true,
    scope: {
      type: 'Target',
      relation,
      grant,
      views,
      masked: [...masks.keys()],
      filter: condition,
      filtered: grant.where !== undefined,
      open: [],
      keyed: [...masks.values()].some(({ type }) => type === 'Hash'),
      mayFail,
      ...(lookedUp.operators.length > 0 && { lookedUp }),
    },
  };
};
