import type { Socket } from 'node:net';

/** How long a client that has closed its half waits for its answers, and a statement of one that is gone runs on. */
const HALF_CLOSED_MS = 5_000;

/**
 * A client that sends nothing more may still wait for its answers, as PostgreSQL would let it; one whose process has ended looks the same.
 * So it gets a while, unless its socket breaks before.
 */
export class HalfClose {
  readonly #socket: Socket;
  readonly #gone: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, gone: () => void) {
    this.#socket = socket;
    this.#gone = gone;
    socket.allowHalfOpen = true;
    socket.once('end', this.#onEnd);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#socket.off('end', this.#onEnd);
    this.#socket.off('close', this.#gone);
  }

  readonly #onEnd = (): void => {
    this.#timer = setTimeout(this.#gone, HALF_CLOSED_MS);
    this.#timer.unref();
    this.#socket.once('close', this.#gone);
  };
}
