import { type Failure, invalidStatement, notUnderstood } from '../../kernel/failure.ts';
import { SQLSTATE } from '../../kernel/sqlstate.ts';

/** What PostgreSQL says of an expression that has a meaning in some statements only, where it stands in a query. */
export const misplaced = (tag: string): Failure => {
  switch (tag) {
    case 'MergeSupportFunc':
      return invalidStatement(SQLSTATE.syntaxError, 'MERGE_ACTION() can only be used in the RETURNING list of a MERGE command');
    case 'SetToDefault':
      return invalidStatement(SQLSTATE.syntaxError, 'DEFAULT is not allowed in this context');
    default:
      return notUnderstood(`"${tag}" in a query`);
  }
};
