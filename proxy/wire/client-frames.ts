import { messageTooLarge, protocolViolation } from '../../kernel/failure.ts';
import { ByteQueue } from './byte-queue.ts';
import { FRONTEND_LIMITS, LARGE_MESSAGE_LIMIT, SMALL_MESSAGE_LIMIT } from './message-type.ts';
import type { Span } from './span.ts';

const HEAD = 5;

/** One message of the client: `raw` is `body` with type and length in front, as it came. */
export class Frame {
  readonly type: number;
  readonly raw: Span;

  constructor(type: number, raw: Span) {
    this.type = type;
    this.raw = raw;
  }

  /** There is nothing in it but its type. */
  get bare(): boolean {
    return this.raw.length === HEAD;
  }

  get body(): Buffer {
    return this.raw.buffer.subarray(this.raw.start + HEAD, this.raw.end);
  }
}

/**
 * Cuts the client's bytes into frames. Type and length are judged before the body is there,
 * so that nobody makes us hold what we would refuse. Throws `Failure`; the stream is of no use afterwards.
 */
export class ClientFrames {
  readonly #queue: ByteQueue;
  readonly #limit: number;

  constructor(limit: number = LARGE_MESSAGE_LIMIT, queue: ByteQueue = new ByteQueue()) {
    this.#limit = limit;
    this.#queue = queue;
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk);
  }

  /** The next whole frame, undefined until it has arrived. */
  next(): Frame | undefined {
    const queue = this.#queue;
    if (queue.length === 0) {
      return undefined;
    }
    const type = queue.uint8(0);
    const size = FRONTEND_LIMITS.get(type);
    if (size === undefined) {
      throw protocolViolation(`invalid frontend message type ${type}`);
    }
    if (queue.length < HEAD) {
      return undefined;
    }
    const length = queue.int32(1);
    if (length < 4) {
      throw protocolViolation('invalid message length');
    }
    const limit = size === 'Small' ? Math.min(SMALL_MESSAGE_LIMIT, this.#limit) : this.#limit;
    if (length > limit) {
      throw messageTooLarge(length, limit);
    }
    if (queue.length < length + 1) {
      return undefined;
    }
    return new Frame(type, queue.take(length + 1));
  }
}
