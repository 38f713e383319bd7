/** Cuts a segment's bytes into lines, whatever the chunks. */

/** One line without its line feed; `complete` is false for what stands after the last line feed. */
export type SegmentLine = { readonly bytes: Buffer; readonly offset: number; readonly complete: boolean };

const LINE_FEED = 0x0a;

/** The lines of a stream of bytes, in order; an empty end yields nothing. */
export async function* segmentLines(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<SegmentLine> {
  let parts: Buffer[] = [];
  let offset = 0;
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
      const rest = bytes.subarray(start, end);
      const line = parts.length === 0 ? rest : Buffer.concat([...parts, rest]);
      yield { bytes: line, offset, complete: true };
      offset += line.byteLength + 1;
      parts = [];
      start = end + 1;
    }
    if (start < bytes.byteLength) parts.push(bytes.subarray(start));
  }
  if (parts.length > 0) yield { bytes: Buffer.concat(parts), offset, complete: false };
}
