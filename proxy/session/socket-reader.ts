import type { Socket } from 'node:net';
import { readSocket } from '../upstream/read-socket.ts';
import { ByteQueue } from '../wire/byte-queue.ts';

/** What may wait to be taken: beyond this, whoever is slow to judge is slow to read. */
const QUEUE_BYTES = 256 * 1024;

/** Pulls bytes off a socket as they are asked for, and a little ahead. */
export class SocketReader {
  readonly queue: ByteQueue;
  readonly #socket: Socket;
  #wake: ((more: boolean) => void) | undefined;
  /** Bytes have come since `more` last said so. */
  #fresh = false;
  #ended = false;
  #ownBuffer = false;

  constructor(socket: Socket, queue: ByteQueue = new ByteQueue()) {
    this.#socket = socket;
    this.queue = queue;
    socket.pause();
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onEnd);
  }

  /** The socket stays as it is from now on: it is read the fast way. */
  settle(): void {
    if (!this.#ownBuffer && !this.#ended) {
      this.#ownBuffer = true;
      this.#socket.off('data', this.#onData);
      readSocket(this.#socket, this.#onData);
    }
  }

  /** Resolves once more bytes are in the queue; false: there will be none. */
  more(): Promise<boolean> {
    if (this.#fresh) {
      this.#fresh = false;
      return Promise.resolve(true);
    }
    if (this.#ended) {
      return Promise.resolve(false);
    }
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#socket.isPaused()) {
        this.#socket.resume();
      }
    });
  }

  /** Reads a little ahead, where nobody asks for more for a while: who does not read does not hear that the other side has gone. */
  listen(): void {
    if (this.#ownBuffer && !this.#ended && this.queue.length < QUEUE_BYTES && this.#socket.isPaused()) {
      this.#socket.resume();
    }
  }

  /** Nothing more is read; who waits for `more` is told so. */
  stop(): void {
    this.#fresh = false;
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
    if (this.#ended) {
      return;
    }
    this.queue.push(chunk);
    if (!this.#ownBuffer || this.queue.length >= QUEUE_BYTES) {
      this.#socket.pause();
    }
    if (this.#wake === undefined) {
      this.#fresh = true;
    } else {
      this.#answer(true);
    }
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
