import type { Failure } from '../../kernel/failure.ts';

/** A session as seen by those who end it. */
export type LiveSession = {
  /** Ends at once; the failure is told to the client. */
  readonly end: (failure: Failure) => void;
  /** Ends when it is idle outside of a transaction. */
  readonly drain: () => void;
};

/** The sessions of this process, from their first byte on. */
export class Sessions {
  readonly #live = new Map<LiveSession, Promise<void>>();
  #draining = false;

  get size(): number {
    return this.#live.size;
  }

  /** `done` settles when the session has ended. */
  add(session: LiveSession, done: Promise<void>): void {
    this.#live.set(session, done);
    void done.finally(() => this.#live.delete(session));
    if (this.#draining) {
      session.drain();
    }
  }

  /** Lets what runs finish for `grace` milliseconds, then ends it with the failure; resolves when every session has ended. */
  async drain(grace: number, failure: Failure): Promise<void> {
    this.#draining = true;
    for (const session of this.#live.keys()) {
      session.drain();
    }
    const timer = setTimeout(() => {
      for (const session of this.#live.keys()) {
        session.end(failure);
      }
    }, grace);
    while (this.#live.size > 0) {
      await Promise.all(this.#live.values());
    }
    clearTimeout(timer);
  }
}
