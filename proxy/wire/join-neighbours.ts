/**
 * Makes one piece of those that stand behind each other in the same memory, without copying: messages that arrived together and pass as
 * they are leave together.
 */
export const joinNeighbours = (pieces: readonly Buffer[]): Buffer[] => {
  const joined: Buffer[] = [];
  for (let first = 0; first < pieces.length; ) {
    const piece = pieces[first] as Buffer;
    const start = piece.byteOffset;
    let end = start + piece.length;
    let next = first + 1;
    for (let other = pieces[next]; other !== undefined && other.buffer === piece.buffer && other.byteOffset === end; other = pieces[next]) {
      end += other.length;
      next += 1;
    }
    joined.push(next === first + 1 ? piece : Buffer.from(piece.buffer, start, end - start));
    first = next;
  }
  return joined;
};
