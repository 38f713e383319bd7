/**
 * Spelling corrections for hints.
 */
/** Names of a document can be long; the distance is quadratic. */
const LONGEST = 64;

/**
 * Edit distance in which two neighbours that changed places count once (optimal string alignment); undefined: more than `most`. The names
 * that it is asked about are chosen by others, and many.
 */
const distance = (from: string, to: string, most: number): number | undefined => {
  if (Math.abs(from.length - to.length) > most) return undefined;
  let [beforeLast, last, current] = [new Uint8Array(LONGEST + 1), new Uint8Array(LONGEST + 1), new Uint8Array(LONGEST + 1)];
  for (let column = 0; column <= to.length; column += 1) last[column] = column;
  for (let row = 1; row <= from.length; row += 1) {
    current[0] = row;
    let least = row;
    for (let column = 1; column <= to.length; column += 1) {
      const changed = from[row - 1] === to[column - 1] ? 0 : 1;
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const cost = Math.min(
        (last[column - 1] ?? 0) + changed,
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        swapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
      current[column] = cost;
      least = Math.min(least, cost);
    }
    // A swap reaches back two rows, and costs one.
    if (least > most + 1) return undefined;
    [beforeLast, last, current] = [last, current, beforeLast];
  }
  const found = last[to.length] ?? 0;
  return found > most ? undefined : found;
};

/** The known name that `name` most likely means: a third of its letters may be wrong, capitals do not count. */
export const nearestName = (name: string, known: readonly string[]): string | undefined => {
  const wanted = name.toLowerCase().slice(0, LONGEST);
  let nearest: string | undefined;
  let most = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const other = candidate.toLowerCase().slice(0, LONGEST);
    const allowed = Math.max(1, Math.floor(Math.max(wanted.length, other.length) / 3));
    // Of several the first: the next has to be nearer.
    const found = distance(wanted, other, Math.min(allowed, most));
    if (found === undefined) continue;
    nearest = candidate;
    most = found - 1;
    if (most < 0) break;
  }
  return nearest;
};
