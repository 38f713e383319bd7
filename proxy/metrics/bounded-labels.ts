/**
 * A fixed number of label values: the first `limit` that are seen keep their names, all later ones share `other`. Every label
 * value is a time series that Prometheus keeps, and a policy or a server may name any number of them.
 */
export const boundedLabels = <Name extends string>(
  names: readonly Name[],
  limit: number,
): ((...values: readonly string[]) => Record<Name, string>) => {
  const known = new Map<string, Record<Name, string>>();
  const labels = (values: readonly string[]): Record<Name, string> =>
    Object.fromEntries(names.map((name, index) => [name, values[index] ?? 'other'])) as Record<Name, string>;
  const other = labels([]);
  return (...values) => {
    const key = values.join('\0');
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= limit) return other;
    const made = labels(values);
    known.set(key, made);
    return made;
  };
};
