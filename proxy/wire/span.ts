/**
 * A part of a buffer. Making a Buffer of it costs more than anything that is done to most messages, which are only counted and passed on:
 * so that is left to who looks into it.
 */
export class Span {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Its bytes, uncopied. */
  view(): Buffer {
    return this.start === 0 && this.end === this.buffer.length ? this.buffer : this.buffer.subarray(this.start, this.end);
  }
}

/** Collects spans in order. What stands behind each other in one buffer, since it came with one read, becomes one piece, uncopied. */
export class SpanQueue {
  #pieces: Buffer[] = [];
  #buffer: Buffer | undefined;
  #start = 0;
  #end = 0;
  /** Bytes of all. */
  length = 0;

  add({ buffer, start, end }: Span): void {
    this.length += end - start;
    if (buffer === this.#buffer && start === this.#end) {
      this.#end = end;
      return;
    }
    this.#close();
    this.#buffer = buffer;
    this.#start = start;
    this.#end = end;
  }

  /** The pieces so far; what is added next is kept apart. */
  take(): readonly Buffer[] {
    this.#close();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.length = 0;
    return pieces;
  }

  #close(): void {
    if (this.#buffer !== undefined) {
      this.#pieces.push(new Span(this.#buffer, this.#start, this.#end).view());
      this.#buffer = undefined;
    }
  }
}
