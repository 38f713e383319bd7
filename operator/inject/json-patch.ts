/**
 * JSON Patch (RFC 6902), as far as injection writes it.
 */
export type Operation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** A pointer (RFC 6901) to a place; `~` and `/` within a step are escaped. */
export const pointer = (...steps: readonly (string | number)[]): string =>
  steps.map((step) => `/${`${step}`.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** Takes the entries at these indexes out of the list at `path`, the last one first: what is before it keeps its index. */
export const removals = (path: readonly (string | number)[], indexes: readonly number[]): readonly Operation[] =>
  indexes.toSorted((left, right) => right - left).map((index) => ({ op: 'remove', path: pointer(...path, index) }));

/** Puts values into a list at its begin or end; a list that is absent or null comes into being. */
export const insertions = (
  path: readonly (string | number)[],
  list: unknown,
  where: 'first' | 'last',
  values: readonly unknown[],
): readonly Operation[] => {
  if (values.length === 0) return [];
  if (!Array.isArray(list)) return [{ op: 'add', path: pointer(...path), value: values }];
  return values.map((value, index) => ({ op: 'add', path: pointer(...path, where === 'first' ? index : '-'), value }));
};
