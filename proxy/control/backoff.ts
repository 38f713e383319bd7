/** Milliseconds. */
export type Backoff = { readonly first: number; readonly most: number };

/**
 * How long to wait before attempt number `attempt`, from 0: anything from nothing to twice as much each time ("full jitter"), so that those who
 * lost the same server at the same moment do not come back at the same moment. `random` is from 0 to 1.
 */
export const delayBefore = (attempt: number, { first, most }: Backoff, random: number): number =>
  Math.round(random * Math.min(most, first * 2 ** Math.min(attempt, 30)));
