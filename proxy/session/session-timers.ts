import type { Failure } from '../../kernel/failure.ts';
import { idleTooLong, sessionTooLong } from '../../kernel/limit-failure.ts';
import type { Limits } from '../../kernel/policy.ts';

/** Longer delays make `setTimeout` fire at once. */
const MAX_DELAY = 2 ** 31 - 1;

/** Ends a session that is idle for too long, or lasts too long. */
export class SessionTimers {
  readonly #limits: () => Limits;
  readonly #idle: () => boolean;
  readonly #end: (failure: Failure) => void;
  #idleTimer: NodeJS.Timeout | undefined;
  #durationTimer: NodeJS.Timeout | undefined;

  /** `idle`: the client could send a statement, and does not. */
  constructor(limits: () => Limits, idle: () => boolean, end: (failure: Failure) => void) {
    this.#limits = limits;
    this.#idle = idle;
    this.#end = end;
  }

  start(): void {
    const { sessionDuration } = this.#limits();
    if (sessionDuration !== undefined) {
      this.#durationTimer = setTimeout(() => this.#end(sessionTooLong(sessionDuration)), Math.min(sessionDuration, MAX_DELAY));
    }
    this.active();
  }

  /** The client, or the server, did something. */
  active(): void {
    const { idleTimeout } = this.#limits();
    if (idleTimeout === undefined) {
      clearTimeout(this.#idleTimer);
      this.#idleTimer = undefined;
    } else if (this.#idleTimer === undefined) {
      this.#idleTimer = setTimeout(() => this.#expired(), Math.min(idleTimeout, MAX_DELAY));
    } else {
      this.#idleTimer.refresh();
    }
  }

  stop(): void {
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#durationTimer);
  }

  #expired(): void {
    if (this.#idle()) {
      this.#end(idleTooLong(this.#limits().idleTimeout ?? 0));
    } else {
      this.#idleTimer = undefined;
      this.active();
    }
  }
}
