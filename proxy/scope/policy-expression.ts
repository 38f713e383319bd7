/**
 * A policy author's SQL expression (row filter, Expression mask) as text over a scope's base alias.
 * Its columns are qualified, so that no name of the agent's statement can stand in for a column that is gone.
 */
import { Failure } from '../../kernel/failure.ts';
import type { CatalogRelation } from '../catalog/catalog.ts';
import { analyze } from '../sql/analyze.ts';
import type { Grammar } from '../sql/grammar.ts';
import type { Tree } from '../sql/tree.ts';
import { closingParenthesis, readTokens, TOKEN } from '../sql/tokens.ts';
import { BASE_ALIAS } from './mask.ts';
import { quoteIdentifier } from './quote.ts';

/** What of expressions depends on the search_path: their operators without a schema, and types that they name with one, as `schema.name`. */
export type LookedUp = { readonly operators: readonly string[]; readonly types: readonly string[] };

export const NOTHING_LOOKED_UP: LookedUp = { operators: [], types: [] };

export const lookedUpBy = (one: LookedUp, other: LookedUp): LookedUp => ({
  operators: [...new Set([...one.operators, ...other.operators])],
  types: [...new Set([...one.types, ...other.types])],
});

export type PolicyExpression =
  | {
      readonly ok: true;
      readonly sql: string;
      /** As it was parsed. */
      readonly tree: Tree;
      /** Could evaluating it raise an error that prints a value? */
      readonly mayFail: boolean;
      readonly lookedUp: LookedUp;
    }
  | { readonly ok: false; readonly problem: string };

const HARMLESS_OPERATORS = new Set(['=', '<>', '<', '>', '<=', '>=', '~~', '!~~', '~~*', '!~~*', '||']);

const PREFIX = 'SELECT ';

/** Parses, checks and qualifies `text`. `grammar` is loaded. `alias`: of the relation, quoted where it has to be. */
export const policyExpression = (text: string, relation: CatalogRelation, grammar: Grammar, alias = BASE_ALIAS): PolicyExpression => {
  const problem = (why: string): PolicyExpression => ({ ok: false, problem: `expression "${text}": ${why}` });
  // A newline ends a trailing line comment; a second statement or an unbalanced parenthesis changes the shape, which is checked.
  const statement = `${PREFIX}(${text}${text.includes('--') ? '\n' : ''})`;
  const bytes = Buffer.from(statement);
  try {
    // A parameter would be the agent's.
    const tokens = readTokens(bytes);
    if (tokens.kinds.includes(TOKEN.parameter)) return problem('parameters are not supported');
    const parsed = grammar.parse(statement);
    const [first] = parsed;
    // INVARIANT: what stands beside the expression is not a part of it: `true) OR (true` would be another condition there.
    if (closingParenthesis(tokens, 1) !== tokens.count - 1) return problem('it has to be one expression');
    if (first === undefined || parsed.length !== 1) return problem('it has to be one expression');
    const select = first.node.SelectStmt as Record<string, unknown> | undefined;
    const targets = select?.targetList as readonly { ResTarget?: { name?: string; val?: Tree } }[] | undefined;
    const plain = Object.keys(select ?? {}).every((field) => ['targetList', 'limitOption', 'op'].includes(field));
    if (!plain || targets?.length !== 1 || targets[0]?.ResTarget?.name !== undefined) return problem('it has to be one expression');
    const analysis = analyze(first, bytes);
    if (analysis.relations.length > 0 || analysis.levels.length !== 1) return problem('sub-queries are not supported');
    const columns = new Set(relation.columns.map((column) => column.name));
    const inserts: { at: number; text: string }[] = [];
    for (const use of analysis.columns) {
      const name = use.fields[0];
      if (use.star || use.fields.length !== 1 || name === undefined) return problem('name columns without a qualifier');
      if (!columns.has(name)) return problem(`column "${name}" does not exist in ${relation.schema}.${relation.name}`);
      inserts.push({ at: use.location, text: `${alias}.` });
    }
    for (const use of analysis.functions) {
      if (use.schema === undefined) inserts.push({ at: use.location, text: 'pg_catalog.' });
    }
    const mayFail =
      analysis.functions.length > 0 ||
      analysis.types.length > 0 ||
      analysis.fields.length > 0 ||
      analysis.operators.some((use) => !HARMLESS_OPERATORS.has(use.name));
    const operators = analysis.operators.filter(({ schema }) => schema === undefined).map(({ name }) => name);
    const types = analysis.types.filter(({ schema }) => schema !== undefined).map(({ schema, name }) => `${schema}.${name}`);
    return { ok: true, sql: insertAll(bytes, inserts), tree: targets[0]?.ResTarget?.val ?? {}, mayFail, lookedUp: { operators, types } };
  } catch (error) {
    if (error instanceof Failure) return problem(error.message);
    throw error;
  }
};

const insertAll = (bytes: Buffer, inserts: readonly { at: number; text: string }[]): string => {
  const parts: Buffer[] = [];
  let from = PREFIX.length;
  for (const { at, text } of [...inserts].sort((a, b) => a.at - b.at)) {
    parts.push(bytes.subarray(from, at), Buffer.from(text));
    from = at;
  }
  parts.push(bytes.subarray(from));
  return Buffer.concat(parts).toString('utf8');
};

/** Every column of a relation, quoted, over the base alias. */
export const baseColumn = (name: string): string => `${BASE_ALIAS}.${quoteIdentifier(name)}`;
