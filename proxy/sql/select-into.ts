/**
 * SELECT ... INTO is CREATE TABLE AS in another order: it is read as that, as PostgreSQL does (`transformStmt` of analyze.c).
 */
import { type Tree, tagOf, treeOf } from './tree.ts';

/** The statement, with SELECT ... INTO as CREATE TABLE AS. Of set operations the first query has it; there may be thousands. */
export const asCreateTableAs = (statement: Tree): Tree => {
  if (tagOf(statement) !== 'SelectStmt') return statement;
  const outer: Tree[] = [];
  let first = treeOf(statement.SelectStmt);
  while (first.larg !== undefined) {
    outer.push(first);
    first = treeOf(first.larg);
  }
  const { intoClause, ...rest } = first;
  if (intoClause === undefined) return statement;
  const query = outer.reduceRight((larg: Tree, select) => ({ ...select, larg }), rest);
  return { CreateTableAsStmt: { query: { SelectStmt: query }, into: treeOf(intoClause), objtype: 'OBJECT_TABLE', is_select_into: true } };
};
