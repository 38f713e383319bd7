/**
 * Medians and spread.
 */

/** A figure measured several times. */
export type Spread = { readonly median: number; readonly least: number; readonly most: number };

/** The value below which the share `at` (0 to 1) of the sorted values lies; NaN for none. */
export const quantile = (sorted: ArrayLike<number>, at: number): number =>
  sorted.length === 0 ? Number.NaN : (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] as number);

/** Undefined for no values. */
export const spreadOf = (values: readonly number[]): Spread | undefined => {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  const [least] = sorted;
  const most = sorted.at(-1);
  if (least === undefined || most === undefined) return undefined;
  const middle = sorted.length / 2;
  const median =
    sorted.length % 2 === 1 ? (sorted[Math.floor(middle)] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
  return { median, least, most };
};
