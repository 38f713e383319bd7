import { Failure, type FailureFields } from '../../kernel/failure.ts';

/** The fields of a Failure; anything else is thrown on, for nothing but Failure may come out. */
export const failureOf = (error: unknown): FailureFields => {
  if (error instanceof Failure) return error.fields;
  throw error;
};
