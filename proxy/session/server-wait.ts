/** Thrown at whoever waits when the session is over. */
export const OVER = new Error('the session is over');

type Waiting = { readonly ready: () => boolean; readonly wake: () => void; readonly giveUp: () => void };

/** The reading side of a session, as it waits for the server to come to something. One wait at a time. */
export class ServerWait {
  readonly #begins: () => void;
  #waiting: Waiting | undefined;
  #over = false;

  /** `begins` is called when somebody begins to wait. */
  constructor(begins: () => void) {
    this.#begins = begins;
  }

  /** Somebody waits. */
  get active(): boolean {
    return this.#waiting !== undefined;
  }

  /** Throws `OVER` where the session is. */
  check(): void {
    if (this.#over) {
      throw OVER;
    }
  }

  /** Resolves once `ready` says so; it is asked at each `wake`. Rejects with `OVER`. */
  async until(ready: () => boolean): Promise<void> {
    this.check();
    if (ready()) {
      return;
    }
    await new Promise<void>((resolve, reject) => {
      this.#waiting = { ready, wake: resolve, giveUp: () => reject(OVER) };
      this.#begins();
    });
  }

  /** Resolves after so many milliseconds. Rejects with `OVER`. */
  async pause(milliseconds: number): Promise<void> {
    let passed = false;
    const timer = setTimeout(() => {
      passed = true;
      this.wake();
    }, milliseconds);
    try {
      await this.until(() => passed);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Something came from the server. */
  wake(): void {
    const waiting = this.#waiting;
    if (waiting?.ready()) {
      this.#waiting = undefined;
      waiting.wake();
    }
  }

  /** Whoever waits, now or later, is told that the session is over. */
  giveUp(): void {
    this.#over = true;
    this.#waiting?.giveUp();
  }
}
