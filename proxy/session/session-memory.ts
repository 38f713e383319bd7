import type { Failure } from '../../kernel/failure.ts';
import { sessionTooBig, sessionWaiting } from '../../kernel/limit-failure.ts';
import type { Limits } from '../../kernel/policy.ts';

/** One session's part of the pool. */
export type Share = { readonly set: (bytes: number) => void; readonly leave: () => void };

/** What all sessions of the process hold together. Where it is used up, each session may have an equal part of it. */
export class MemoryPool {
  /** Bytes that all may hold together. */
  readonly limit: number;
  #held = 0;
  #sessions = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  join(): Share {
    let held = 0;
    let left = false;
    const set = (bytes: number): void => {
      // A session that is over may still be at what it has read: nobody would give back what is noted for it now.
      if (left) return;
      this.#held += bytes - held;
      held = bytes;
    };
    this.#sessions += 1;
    return {
      set,
      leave: () => {
        if (left) return;
        set(0);
        left = true;
        this.#sessions -= 1;
      },
    };
  }

  /** What one session may hold as things are. */
  get fairShare(): number {
    return this.#held > this.limit ? this.limit / Math.max(1, this.#sessions) : this.limit;
  }
}

/** What comes with one read is as good as worked off. */
const ONE_READ = 64 * 1024;

export type SessionMemoryOptions = {
  readonly limits: () => Limits;
  /** Bytes that any session may hold, whatever its policy says. */
  readonly most: number;
  readonly pool: MemoryPool;
  /** What is remembered of the server session. */
  readonly remembered: () => number;
  /** What has been read and is no whole message yet. */
  readonly unread: () => number;
  /** What waits to be taken by client or server, and rows that are not whole yet. */
  readonly passing: () => number;
};

/** Looks at what the proxy holds for one session. */
export class SessionMemory {
  readonly #options: SessionMemoryOptions;
  readonly #share: Share;
  #waiting = 0;

  constructor(options: SessionMemoryOptions) {
    this.#options = options;
    this.#share = options.pool.join();
  }

  /** Why nothing more can be remembered. */
  full(): Failure | undefined {
    return this.#over(this.#options.remembered());
  }

  /** To be called when something was read. Throws `Failure` where a message is on its way that cannot be held. */
  check(): void {
    const unread = this.#options.unread();
    const failure = this.#over(this.#options.remembered() + unread);
    if (failure !== undefined && unread > ONE_READ) {
      throw failure;
    }
  }

  /**
   * To be called when something has passed through. Throws `Failure` where much of it waits, and all sessions together hold too much: a
   * slow reader alone harms nobody.
   */
  pass(): void {
    const held = this.note();
    const { fairShare } = this.#options.pool;
    if (this.#waiting > ONE_READ && held > fairShare) {
      throw sessionWaiting(Math.floor(fairShare));
    }
  }

  /** Notes what is held, also that it has become less. */
  note(): number {
    const { remembered, unread, passing } = this.#options;
    const before = this.#waiting;
    this.#waiting = passing();
    if (this.#waiting <= ONE_READ && before <= ONE_READ) {
      return 0;
    }
    const held = remembered() + unread() + this.#waiting;
    this.#share.set(held);
    return held;
  }

  leave(): void {
    this.#share.leave();
  }

  #over(held: number): Failure | undefined {
    const { limits, most, passing, pool } = this.#options;
    this.#share.set(held + passing());
    const limit = Math.floor(Math.min(limits().memoryPerSession ?? most, most, pool.fairShare));
    return held > limit ? sessionTooBig(limit) : undefined;
  }
}
