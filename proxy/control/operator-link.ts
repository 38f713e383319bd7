/**
 * Keeps the stream of bundles going: asks again when it ends, and knows for how long the operator has not been heard of.
 */
import { type BundleMessage, type ControlMessage, PING_SECONDS } from '../../kernel/control.ts';
import { type Backoff, delayBefore } from './backoff.ts';
import { SILENCE, streamBundles, type StreamEnd } from './bundle-stream.ts';
import type { Operator } from './operator-request.ts';

export type LinkListeners = {
  readonly onBundle: (message: BundleMessage) => void;
  /** The pod is no agent any more. */
  readonly onRevoked: (reason: string) => void;
  /** There was no bundle for longer than the last one may be served: `seconds`. Told once, until there is one. */
  readonly onStale: (seconds: number) => void;
  /** A stream ended; the next is asked for in `delay` milliseconds. */
  readonly onEnd: (end: StreamEnd, delay: number) => void;
};

export type LinkTiming = {
  readonly backoff: Backoff;
  /** A stream that was closed in order, or a token that is being renewed. */
  readonly soon: Backoff;
  /** After a refusal. */
  readonly revoked: Backoff;
  /** Milliseconds that a stream has to have lasted for the next failure to count as the first. */
  readonly steady: number;
  /** Milliseconds without a byte that end a stream; unless told, three pings. Twice as late messages end it as well. */
  readonly silence?: number;
};

const TIMING: LinkTiming = {
  backoff: { first: 1_000, most: 30_000 },
  soon: { first: 1_000, most: 10_000 },
  revoked: { first: 30_000, most: 30_000 },
  steady: 10_000,
};

export type LinkOptions = {
  readonly operator: Operator;
  readonly listeners: LinkListeners;
  /** Milliseconds that only ever grow: a changed clock of the machine means nothing. */
  readonly monotonic: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly timing?: LinkTiming;
};

export class OperatorLink {
  readonly #options: LinkOptions;
  readonly #timing: LinkTiming;
  readonly #stopping = new AbortController();
  #connected = false;
  /** When it sent its last ping. */
  #spoke = 0;
  #replica: string | undefined;
  /** When the operator was last heard of, and how long its bundle may be served from then on; undefined: there is none to be served. */
  #served: { heard: number; readonly staleAfter: number } | undefined;
  #staleTimer: NodeJS.Timeout | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#timing = options.timing ?? TIMING;
    void this.#run();
  }

  /** A stream is open, and has brought a bundle. */
  get connected(): boolean {
    return this.#connected;
  }

  /** The replica that the stream comes from, where it said so. */
  get replica(): string | undefined {
    return this.#replica;
  }

  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#staleTimer);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let attempt = 0;
    while (!signal.aborted) {
      const began = this.#options.monotonic();
      const end = await this.#stream();
      if (signal.aborted) return;
      if (this.#options.monotonic() - began >= this.#timing.steady) attempt = 0;
      const wait = delayBefore(attempt, this.#backoffFor(end), this.#options.random());
      // Whoever was refused asks again slowly, and not all at once either.
      const delay = end.type === 'Revoked' ? wait / 2 + this.#timing.revoked.most / 2 : wait;
      attempt++;
      this.#options.listeners.onEnd(end, delay);
      await this.#sleep(delay);
    }
  }

  #backoffFor(end: StreamEnd): Backoff {
    const { backoff, soon, revoked } = this.#timing;
    switch (end.type) {
      case 'Closed':
      case 'Unauthorized':
        return soon;
      case 'Revoked':
        return revoked;
      case 'Broken':
        return backoff;
      default:
        return end satisfies never;
    }
  }

  async #stream(): Promise<StreamEnd> {
    const { operator, listeners } = this.#options;
    const { silence } = this.#timing;
    const asked = this.#options.monotonic();
    const end = await streamBundles({
      operator,
      signal: this.#stopping.signal,
      ...(silence === undefined ? {} : { silence }),
      onOpen: (replica) => {
        this.#replica = replica;
      },
      onMessage: (message) => this.#hear(message, asked),
    });
    const heard = this.#connected && (end.type === 'Closed' || (end.type === 'Broken' && end.heard));
    this.#connected = false;
    if (end.type === 'Revoked') {
      this.#served = undefined;
      clearTimeout(this.#staleTimer);
      listeners.onRevoked(end.reason);
    } else if (this.#served !== undefined) {
      // A connection can be closed by whoever is on its way: that is worth no more than the next ping.
      if (heard) this.#served.heard = Math.min(this.#options.monotonic(), this.#served.heard + PING_SECONDS * 1000);
      this.#expectStale();
    }
    return end;
  }

  /**
   * INVARIANT: the operator was heard of when it spoke, not when its words came: whoever is on their way may hold them back. It counts from a
   * moment after `asked`. @throws Error where they come so late that the stream is worth nothing.
   */
  #hear(message: ControlMessage, asked: number): void {
    if (message.type === 'bundle') this.#take(message, Math.max(asked, this.#spoke));
    if (message.type !== 'ping') return;
    const now = this.#options.monotonic();
    this.#spoke = Math.min(now, asked + message.after);
    const late = now - this.#spoke;
    if (late > 2 * (this.#timing.silence ?? SILENCE)) throw new Error(`the operator's messages come ${Math.round(late / 1000)} s late`);
    if (this.#served !== undefined) this.#served.heard = this.#spoke;
  }

  #take(message: BundleMessage, heard: number): void {
    clearTimeout(this.#staleTimer);
    this.#connected = true;
    this.#served = { heard, staleAfter: message.staleAfter };
    this.#options.listeners.onBundle(message);
  }

  /** INVARIANT: a bundle is served for `staleAfter` seconds after the last sign of life, and not longer; attempts to connect are none. */
  #expectStale(): void {
    clearTimeout(this.#staleTimer);
    if (this.#served === undefined || this.#stopping.signal.aborted) return;
    const { heard, staleAfter } = this.#served;
    const left = heard + staleAfter * 1000 - this.#options.monotonic();
    if (left > 0) {
      this.#staleTimer = setTimeout(() => this.#expectStale(), Math.min(left, 2 ** 31 - 1));
      this.#staleTimer.unref();
      return;
    }
    this.#served = undefined;
    this.#options.listeners.onStale(staleAfter);
  }

  #sleep(milliseconds: number): Promise<void> {
    const { signal } = this.#stopping;
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      timer.unref();
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
