/**
 * Queries within a statement that conditions from around them cannot enter: those that lock rows and have a LIMIT, or stand in WITH
 * (`subquery_is_pushdown_safe` and `SS_process_ctes` of PostgreSQL's planner). It is how a worker takes the next job.
 */
import type { RelationReference } from '../sql/analysis.ts';
import { isTree, listOf, locationOf, type Tree } from '../sql/tree.ts';
import { readConditions, type StatementContext } from './conditions.ts';

/** Each tree with its key, parents first. Literals are not read, so that a judgement holds for others. */
const walk = (value: unknown, visit: (key: string, tree: Tree) => void): void => {
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (Array.isArray(next)) for (const each of next) pending.push(each);
    else if (isTree(next)) {
      for (const key of Object.keys(next)) {
        if (key === 'A_Const') continue;
        const inner = next[key];
        if (isTree(inner)) visit(key, inner);
        pending.push(inner);
      }
    }
  }
};

const isLocking = (select: Tree): boolean => listOf(select.lockingClause).length > 0;

/** References within sealed queries whose own conditions are all harmless; what such a query takes from around it is not. */
export const sealedReferences = (statement: Tree, context: StatementContext): ReadonlySet<RelationReference> => {
  const sealed: Tree[] = [];
  walk(statement, (key, tree) => {
    if (key === 'SelectStmt' && isLocking(tree) && tree.limitCount !== undefined) sealed.push(tree);
    if (key === 'ctequery' && isTree(tree.SelectStmt) && isLocking(tree.SelectStmt)) sealed.push(tree.SelectStmt);
  });
  const references = new Map([...context.scopes.keys()].map((reference) => [reference.location, reference]));
  const found = new Set<RelationReference>();
  for (const select of sealed) {
    if (!readConditions({ SelectStmt: select }, context).harmless) continue;
    walk(select, (key, tree) => {
      const reference = key === 'RangeVar' ? references.get(locationOf(tree)) : undefined;
      if (reference !== undefined) found.add(reference);
    });
  }
  return found;
};
