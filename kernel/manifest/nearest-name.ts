/**
 * Spelling corrections for hints.
 */
const distance = (from: string, to: string): number => {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
};

/** The known name that `name` most likely means: a third of its letters may be wrong, capitals do not count. */
export const nearestName = (name: string, known: readonly string[]): string | undefined => {
  // Names of a document can be long; the distance is quadratic.
  const wanted = name.toLowerCase().slice(0, 64);
  const ranked = known
    .map((candidate) => ({ candidate, distance: distance(wanted, candidate.toLowerCase()) }))
    .filter(({ candidate, distance: changes }) => changes <= Math.max(1, Math.floor(Math.max(wanted.length, candidate.length) / 3)))
    .sort((left, right) => left.distance - right.distance);
  return ranked[0]?.candidate;
};
