import { detectionTooLarge } from '../../kernel/policy-failure.ts';

const HEAD = 5;

/** A row is looked into whole: one that is larger is not shown. Bounds what is held of it. */
export const ROW_LIMIT = 16 * 1024 * 1024;

/**
 * Puts rows together that arrive in pieces: what it hands out is one or more whole messages, in the order of the stream, cut the same
 * however they arrived. Those that are whole in a chunk are not copied.
 */
export class WholeMessages {
  #held: Buffer = Buffer.alloc(0);
  #length = 0;

  /** Hands out what is whole. Throws `Failure` for a message that is too large to be held. */
  push(chunk: Buffer, take: (messages: Buffer) => void): void {
    let from = 0;
    if (this.#length > 0) {
      from = this.#add(chunk);
      if (this.#length < this.#needed) return;
      const whole = this.#held;
      this.#length = 0;
      take(whole);
    }
    let end = from;
    while (chunk.length - end >= HEAD) {
      const next = end + 1 + chunk.readUInt32BE(end + 1);
      if (next > chunk.length) break;
      end = next;
    }
    if (end > from) take(chunk.subarray(from, end));
    if (end < chunk.length) {
      this.#held = Buffer.allocUnsafe(HEAD);
      this.#add(chunk.subarray(end));
    }
  }

  /** Bytes that are held, or soon will be, of a message under way. */
  get held(): number {
    return this.#length === 0 ? 0 : this.#held.length;
  }

  /** Of the message under way; of its head where that is not known yet. */
  get #needed(): number {
    return this.#length < HEAD ? HEAD : 1 + this.#held.readUInt32BE(1);
  }

  /** Takes what belongs to the message under way; answers how many bytes that were. */
  #add(chunk: Buffer): number {
    let taken = 0;
    while (taken < chunk.length && this.#length < this.#needed) {
      const needed = this.#needed;
      if (needed > ROW_LIMIT) throw detectionTooLarge(ROW_LIMIT);
      if (this.#held.length < needed) {
        const larger = Buffer.allocUnsafe(needed);
        this.#held.copy(larger, 0, 0, this.#length);
        this.#held = larger;
      }
      const part = chunk.copy(this.#held, this.#length, taken, Math.min(chunk.length, taken + needed - this.#length));
      this.#length += part;
      taken += part;
    }
    return taken;
  }
}
