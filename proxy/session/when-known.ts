/** Something that is nearly always known at once, and otherwise promised. */
export type Known<T> = T | Promise<T>;

/**
 * Goes on with what is known, at once where it is: a statement that was seen before passes from the client's socket to the server's
 * without a turn of the event loop in between, and promises are for the rest.
 */
export const whenKnown = <T, Result>(known: Known<T>, proceed: (value: T) => Known<Result>): Known<Result> =>
  known instanceof Promise ? known.then(proceed) : proceed(known);
