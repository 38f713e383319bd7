import { isUtf8 } from 'node:buffer';
import type { Failure } from '../../kernel/failure.ts';

/** Makes the failure of a malformed message: the client's and the server's faults are told apart. */
export type Malformed = (message: string) => Failure;

/** Walks the body of one message. Throws what `malformed` makes; its wordings are those of PostgreSQL's `pqformat.c`. */
export class ByteReader {
  readonly #body: Buffer;
  readonly #malformed: Malformed;
  #offset = 0;

  constructor(body: Buffer, malformed: Malformed) {
    this.#body = body;
    this.#malformed = malformed;
  }

  get remaining(): number {
    return this.#body.length - this.#offset;
  }

  uint8(): number {
    return this.#body.readUInt8(this.#advance(1));
  }

  int16(): number {
    return this.#body.readInt16BE(this.#advance(2));
  }

  uint16(): number {
    return this.#body.readUInt16BE(this.#advance(2));
  }

  int32(): number {
    return this.#body.readInt32BE(this.#advance(4));
  }

  uint32(): number {
    return this.#body.readUInt32BE(this.#advance(4));
  }

  bytes(length: number): Buffer {
    const start = this.#advance(length);
    return this.#body.subarray(start, start + length);
  }

  /** The bytes of a NUL-terminated string, without the NUL. */
  rawString(): Buffer {
    const end = this.#stringEnd();
    const bytes = this.#body.subarray(this.#offset, end);
    this.#offset = end + 1;
    return bytes;
  }

  /** A NUL-terminated string. Not UTF-8 is malformed: two names must not become one by way of U+FFFD. */
  string(): string {
    const start = this.#offset;
    const text = this.lenientString();
    // What is not UTF-8 has become U+FFFD, which also is a character like others.
    if (text.includes('\ufffd') && !isUtf8(this.#body.subarray(start, this.#offset - 1))) {
      throw this.#malformed('invalid byte sequence for encoding "UTF8" in message');
    }
    return text;
  }

  /** A string of the server, which may not be UTF-8 before the encoding is agreed: what is not becomes U+FFFD. */
  lenientString(): string {
    const start = this.#offset;
    const end = this.#stringEnd();
    this.#offset = end + 1;
    return end === start ? '' : this.#body.toString('utf8', start, end);
  }

  rest(): Buffer {
    return this.bytes(this.remaining);
  }

  /** Nothing may follow: `pq_getmsgend`. */
  end(): void {
    if (this.remaining !== 0) {
      throw this.#malformed('invalid message format');
    }
  }

  #stringEnd(): number {
    const end = this.#body[this.#offset] === 0 ? this.#offset : this.#body.indexOf(0, this.#offset);
    if (end < 0) {
      throw this.#malformed('invalid string in message');
    }
    return end;
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (length < 0 || length > this.remaining) {
      throw this.#malformed('insufficient data left in message');
    }
    this.#offset = start + length;
    return start;
  }
}
