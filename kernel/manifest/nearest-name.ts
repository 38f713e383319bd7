/**
 * Spelling corrections for hints.
 */
/** Edit distance in which two neighbours that changed places count once (optimal string alignment). */
const distance = (from: string, to: string): number => {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, index) => index)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0;
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= to.length; column += 1) {
      const changed = from[row - 1] === to[column - 1] ? 0 : 1;
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(
        Math.min(
          at(row - 1, column - 1) + changed,
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          swapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  }
  return at(from.length, to.length);
};

/** The known name that `name` most likely means: a third of its letters may be wrong, capitals do not count. */
export const nearestName = (name: string, known: readonly string[]): string | undefined => {
  // Names of a document can be long; the distance is quadratic.
  const wanted = name.toLowerCase().slice(0, 64);
  const ranked = known
    .map((candidate) => ({ candidate, distance: distance(wanted, candidate.toLowerCase().slice(0, 64)) }))
    .filter(({ candidate, distance: changes }) => changes <= Math.max(1, Math.floor(Math.max(wanted.length, candidate.length) / 3)))
    .sort((left, right) => left.distance - right.distance);
  return ranked[0]?.candidate;
};
