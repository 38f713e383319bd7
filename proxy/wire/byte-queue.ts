import { Span } from './span.ts';

const EMPTY = Buffer.alloc(0);

/**
 * Bytes that have arrived and are not yet taken. Linear in the bytes pushed, whatever the size of the chunks;
 * what was taken stays valid, since its bytes are never written again.
 */
export class ByteQueue {
  #buffer: Buffer = EMPTY;
  #start = 0;
  #end = 0;
  /** The buffer is ours, so that there may be room to write behind `#end`. */
  #owned = false;

  get length(): number {
    return this.#end - this.#start;
  }

  push(chunk: Buffer): void {
    if (this.#start === this.#end) {
      this.#buffer = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#owned = false;
      return;
    }
    const needed = this.length + chunk.length;
    if (!this.#owned || this.#end + chunk.length > this.#buffer.length) {
      // Doubling keeps byte-by-byte arrival linear, and never believes a length that the peer only claims.
      const grown = Buffer.allocUnsafeSlow(Math.max(1024, needed * 2));
      this.#buffer.copy(grown, 0, this.#start, this.#end);
      this.#buffer = grown;
      this.#end = this.length;
      this.#start = 0;
      this.#owned = true;
    }
    chunk.copy(this.#buffer, this.#end);
    this.#end += chunk.length;
  }

  /** The byte at `offset` from the first one that is not taken; the caller knows that it is there. */
  uint8(offset: number): number {
    return this.#buffer.readUInt8(this.#start + offset);
  }

  int32(offset: number): number {
    return this.#buffer.readInt32BE(this.#start + offset);
  }

  take(length: number): Span {
    const start = this.#start;
    this.#start += length;
    const taken = new Span(this.#buffer, start, this.#start);
    if (this.#start === this.#end) {
      // A client may be idle for hours, and need not keep its last message alive for so long.
      this.#buffer = EMPTY;
      this.#start = 0;
      this.#end = 0;
      this.#owned = false;
    }
    return taken;
  }
}
