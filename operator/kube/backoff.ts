/**
 * How long to wait after the nth failure in a row: doubling, bounded, and never two waiters in step.
 */
export type BackoffLimits = { readonly firstMs: number; readonly mostMs: number };

/** Milliseconds to wait after `failures` (at least 1) in a row: between half and all of the doubled time. `random` is in [0, 1). */
export const backoffMs = (failures: number, { firstMs, mostMs }: BackoffLimits, random: () => number): number => {
  const whole = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 40));
  return Math.round(whole * (0.5 + random() / 2));
};
