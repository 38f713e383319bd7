import { upstreamProtocolViolation } from '../../kernel/failure.ts';
import { FIELD_LIMIT, LongFields } from './long-fields.ts';
import { BACKEND } from './message-type.ts';
import { Span } from './span.ts';

/** Where `ServerFrames` delivers, in the order of the stream. */
export type ServerFrameSink = {
  /**
   * Bytes of DataRow and CopyData messages, headers included, to be passed on as they are. A slice may begin and end in the
   * middle of a message; `rows` counts the messages that end in it, and `begun` its first bytes that complete an earlier one.
   */
  readonly bulk: (raw: Span, rows: number, begun: number) => void;
  /** Any other message, whole but for long texts of errors and notices, with type and length in front; `bodyOf` is what follows them. */
  readonly message: (type: number, raw: Span) => void;
};

/**
 * Cap for a message that is not passed on as it arrives. An error text may quote a value of any size, so it is generous: such texts are
 * cut. Rows are never held, and only bounded by the protocol (2 GB).
 */
export const SERVER_MESSAGE_LIMIT = 64 * 1024 * 1024;

const HEAD = 5;

/** A message without its type and length. */
export const bodyOf = (raw: Span): Buffer => raw.buffer.subarray(raw.start + HEAD, raw.end);

const hasTexts = (type: number): boolean => type === BACKEND.errorResponse || type === BACKEND.noticeResponse;

const isBulk = (type: number): boolean => type === BACKEND.dataRow || type === BACKEND.copyData;

/**
 * Cuts the server's bytes: rows stream through without being held or copied, other messages are collected.
 * Throws `Failure` when the bytes are not the protocol; the stream is of no use afterwards.
 */
export class ServerFrames {
  readonly #limit: number;
  /** A header that the last chunk cut in two. */
  readonly #head = Buffer.alloc(HEAD);
  #headLength = 0;
  /** Bytes of the row under way that are still to come. */
  #rowRemaining = 0;
  /** The message under way. */
  #message: Buffer | undefined;
  #messageLength = 0;
  /** The error or notice under way that is too long to be held, and how many bytes of it are still to come. */
  #long: { readonly type: number; readonly fields: LongFields; remaining: number } | undefined;

  constructor(limit: number = SERVER_MESSAGE_LIMIT) {
    this.#limit = limit;
  }

  /** The row under way has not come to its end. */
  get inRow(): boolean {
    return this.#rowRemaining > 0;
  }

  push(chunk: Buffer, sink: ServerFrameSink): void {
    let offset = this.#finishHead(chunk, sink);
    offset = this.#finishLong(chunk, this.#finishMessage(chunk, offset, sink), sink);
    let bulkStart = offset;
    let rows = 0;
    let begun = 0;
    if (this.#rowRemaining > 0) {
      const part = Math.min(this.#rowRemaining, chunk.length - offset);
      this.#rowRemaining -= part;
      offset += part;
      begun = part;
      rows = part > 0 && this.#rowRemaining === 0 ? 1 : 0;
    }
    while (chunk.length - offset >= HEAD) {
      const type = chunk[offset] as number;
      const length = chunk.readInt32BE(offset + 1);
      this.#check(type, length);
      const end = offset + 1 + length;
      if (isBulk(type)) {
        if (end > chunk.length) {
          this.#rowRemaining = end - chunk.length;
          offset = chunk.length;
          break;
        }
        rows += 1;
        offset = end;
        continue;
      }
      if (offset > bulkStart) {
        sink.bulk(new Span(chunk, bulkStart, offset), rows, begun);
      }
      rows = 0;
      begun = 0;
      if (end > chunk.length) {
        this.#startMessage(length, chunk.subarray(offset));
        return;
      }
      if (hasTexts(type) && length > FIELD_LIMIT) {
        this.#startMessage(length, chunk.subarray(offset, offset + HEAD));
        this.#finishLong(chunk.subarray(0, end), offset + HEAD, sink);
      } else {
        sink.message(type, new Span(chunk, offset, end));
      }
      offset = end;
      bulkStart = end;
    }
    if (offset > bulkStart) {
      sink.bulk(new Span(chunk, bulkStart, offset), rows, begun);
    }
    if (offset < chunk.length) {
      this.#headLength = chunk.copy(this.#head, 0, offset);
    }
  }

  /** Completes a header that the chunk before had begun; answers where in this chunk to go on. */
  #finishHead(chunk: Buffer, sink: ServerFrameSink): number {
    if (this.#headLength === 0) {
      return 0;
    }
    const taken = chunk.copy(this.#head, this.#headLength, 0, HEAD - this.#headLength);
    this.#headLength += taken;
    if (this.#headLength < HEAD) {
      return taken;
    }
    this.#headLength = 0;
    const type = this.#head[0] as number;
    const length = this.#head.readInt32BE(1);
    this.#check(type, length);
    const head = Buffer.from(this.#head);
    if (isBulk(type)) {
      this.#rowRemaining = length - 4;
      sink.bulk(new Span(head), length === 4 ? 1 : 0, 0);
    } else {
      this.#startMessage(length, head);
    }
    return taken;
  }

  /** `begun`: its head, and what has arrived behind it. */
  #startMessage(length: number, begun: Buffer): void {
    const type = begun[0] as number;
    if (hasTexts(type) && length > FIELD_LIMIT) {
      this.#long = { type, fields: new LongFields(), remaining: length - 4 - (begun.length - HEAD) };
      this.#long.fields.push(begun.subarray(HEAD));
      return;
    }
    this.#message = Buffer.allocUnsafeSlow(length + 1);
    this.#messageLength = begun.copy(this.#message);
  }

  #finishMessage(chunk: Buffer, offset: number, sink: ServerFrameSink): number {
    const message = this.#message;
    if (message === undefined) {
      return offset;
    }
    const taken = chunk.copy(message, this.#messageLength, offset);
    this.#messageLength += taken;
    if (this.#messageLength === message.length) {
      this.#message = undefined;
      sink.message(message[0] as number, new Span(message));
    }
    return offset + taken;
  }

  #finishLong(chunk: Buffer, offset: number, sink: ServerFrameSink): number {
    const long = this.#long;
    if (long === undefined) {
      return offset;
    }
    const end = Math.min(chunk.length, offset + long.remaining);
    long.fields.push(chunk.subarray(offset, end));
    long.remaining -= end - offset;
    if (long.remaining === 0) {
      this.#long = undefined;
      const body = long.fields.whole();
      const head = Buffer.alloc(HEAD, long.type);
      head.writeInt32BE(body.length + 4, 1);
      sink.message(long.type, new Span(Buffer.concat([head, body])));
    }
    return end;
  }

  #check(type: number, length: number): void {
    if (length < 4) {
      throw upstreamProtocolViolation(`A message of type ${type} has the length ${length}.`);
    }
    if (!isBulk(type) && length > this.#limit) {
      throw upstreamProtocolViolation(`A message of type ${type} has ${length} bytes, and the limit is ${this.#limit}.`);
    }
  }
}
