/**
 * Amounts as Kubernetes writes them. The CRDs' patterns have vouched for their form.
 */
const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Milliseconds of a duration such as `1h30m`; undefined for what is none. */
export const parseDuration = (text: string): number | undefined => {
  if (!/^([0-9]{1,5}(h|m|s|ms)){1,4}$/.test(text)) return undefined;
  const parts = [...text.matchAll(/([0-9]+)(ms|[hms])/g)];
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (DURATION_UNITS[unit ?? ''] ?? Number.NaN), 0);
};

/** Bytes of a size such as `64Mi`; undefined for what is none, or is beyond exact counting. */
export const parseSize = (size: string | number): number | undefined => {
  const [, amount, unit] = /^([0-9]+)(k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(String(size)) ?? [];
  const bytes = Number(amount) * (SIZE_UNITS[unit ?? ''] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
};
