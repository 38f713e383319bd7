/**
 * Bytes to lines: one JSON object a line, none of them larger than a limit.
 */
const NEWLINE = 0x0a;

export class MessageLines {
  readonly #most: number;
  #parts: Buffer[] = [];
  #length = 0;

  /** `most`: bytes of a line. */
  constructor(most: number) {
    this.#most = most;
  }

  /** The lines that end in this chunk. @throws Error when a line is too long, or no UTF-8 */
  push(chunk: Buffer): readonly string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.#add(chunk.subarray(from, end));
      lines.push(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(this.#parts)));
      this.#parts = [];
      this.#length = 0;
      from = end + 1;
    }
    // A copy: what came with it need not be kept as long.
    if (from < chunk.length) this.#add(Buffer.from(chunk.subarray(from)));
    return lines;
  }

  #add(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > this.#most) throw new Error(`a message is larger than ${this.#most} bytes`);
    this.#parts.push(part);
  }
}
