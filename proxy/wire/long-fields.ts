import { upstreamProtocolViolation } from '../../kernel/failure.ts';

/** Bytes of one text of an error or notice that are kept. An error may quote a value of any size, and is held whole to be judged. */
export const FIELD_LIMIT = 256 * 1024;

/** PostgreSQL has some twenty kinds of fields, each at most once. */
const MOST_FIELDS = 64;

/** Stands behind a text that was cut, which is thereby longer than the limit. */
const CUT = Buffer.from('...');

/**
 * The fields of an ErrorResponse or NoticeResponse (a letter and a NUL-terminated text each) with texts cut to the limit, as they arrive:
 * what is cut off is never held. All fields stay, since what is told depends on which there are.
 */
export class LongFields {
  readonly #kept: Buffer[] = [];
  /** Bytes of the text under way; undefined: a letter comes next. */
  #text: number | undefined;
  #fields = 0;

  /** Throws `Failure` where there are more fields than any server has. */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#text === undefined) {
        // A NUL in place of a letter ends the fields.
        this.#text = bytes[at] === 0 ? undefined : 0;
        this.#fields += 1;
        if (this.#fields > MOST_FIELDS) {
          throw upstreamProtocolViolation(`An error or notice has more than ${MOST_FIELDS} fields.`);
        }
        this.#keep(bytes, at, at + 1);
        at += 1;
      } else {
        at = this.#take(bytes, at, this.#text);
      }
    }
  }

  /** What is kept so far. */
  whole(): Buffer {
    return Buffer.concat(this.#kept);
  }

  #take(bytes: Buffer, at: number, before: number): number {
    const nul = bytes.indexOf(0, at);
    const end = nul < 0 ? bytes.length : nul;
    const length = before + end - at;
    this.#keep(bytes, at, Math.min(end, at + Math.max(0, FIELD_LIMIT - before)));
    if (before <= FIELD_LIMIT && length > FIELD_LIMIT) {
      this.#kept.push(CUT);
    }
    if (nul < 0) {
      this.#text = length;
      return end;
    }
    this.#text = undefined;
    this.#keep(bytes, nul, nul + 1);
    return nul + 1;
  }

  /** A copy: a view would keep alive all that arrived with it. */
  #keep(bytes: Buffer, start: number, end: number): void {
    if (end > start) {
      this.#kept.push(Buffer.from(bytes.subarray(start, end)));
    }
  }
}
