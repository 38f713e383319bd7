import type { Failure } from '../../kernel/failure.ts';
import { resultTooLarge } from '../../kernel/limit-failure.ts';
import type { Limits } from '../../kernel/policy.ts';

/** What a statement has returned so far; a portal that is fetched in portions counts them together. */
export type ResultSize = { rows: number; bytes: number };

/** Why a result of this size is too large; undefined: it is not. */
export const resultLimitReached = (size: ResultSize, limits: Limits): Failure | undefined => {
  if (limits.rowsPerStatement !== undefined && size.rows > limits.rowsPerStatement) {
    return resultTooLarge('rowsPerStatement', limits.rowsPerStatement);
  }
  if (limits.bytesPerStatement !== undefined && size.bytes > limits.bytesPerStatement) {
    return resultTooLarge('bytesPerStatement', limits.bytesPerStatement);
  }
  return undefined;
};
