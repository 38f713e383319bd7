import type { Duplex } from 'node:stream';
import { ByteQueue } from '../wire/byte-queue.ts';

/** Pulls bytes off a socket when they are asked for, so that whoever is slow to judge is slow to read. */
export class SocketReader {
  readonly queue: ByteQueue;
  readonly #socket: Duplex;
  #wake: ((more: boolean) => void) | undefined;
  #ended = false;

  constructor(socket: Duplex, queue: ByteQueue = new ByteQueue()) {
    this.#socket = socket;
    this.queue = queue;
    socket.pause();
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onEnd);
  }

  /** Resolves once more bytes are in the queue; false: there will be none. */
  more(): Promise<boolean> {
    if (this.#ended) {
      return Promise.resolve(false);
    }
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#socket.resume();
    });
  }

  /** Nothing more is read; who waits for `more` is told so. */
  stop(): void {
    this.#onEnd();
    this.detach();
  }

  /** Leaves the socket to another reader. */
  detach(): void {
    this.#socket.pause();
    this.#socket.off('data', this.#onData);
    this.#socket.off('end', this.#onEnd);
    this.#socket.off('close', this.#onEnd);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.queue.push(chunk);
    this.#socket.pause();
    this.#answer(true);
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#answer(false);
  };

  #answer(more: boolean): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.(more);
  }
}
