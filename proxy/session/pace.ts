import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../kernel/clock.ts';
import type { Failure } from '../../kernel/failure.ts';
import type { ServerWait } from './server-wait.ts';

/** Milliseconds that one session may keep the process to itself. */
const TURN_MS = 10;

/** Who is over the quota is answered, and not heard for so long: a loop of refusals would cost as much as one of statements. */
const OVER_QUOTA_MS = 1_000;

/** How fast one session is heard: what has arrived of a client at once can be thousands of statements. */
export class Pace {
  readonly #clock: Clock;
  readonly #wait: ServerWait;
  #since: number;
  #overQuota = false;

  constructor(clock: Clock, wait: ServerWait) {
    this.#clock = clock;
    this.#wait = wait;
    this.#since = clock.monotonic();
  }

  /** A turn begins: the process was others' until now. */
  begin(): void {
    this.#since = this.#clock.monotonic();
  }

  /** Notes that the quota is used up, where it is. */
  note(failure: Failure | undefined): Failure | undefined {
    this.#overQuota ||= failure !== undefined;
    return failure;
  }

  /** Nothing more is to be read before what has been refused is answered. */
  get overQuota(): boolean {
    return this.#overQuota;
  }

  /** Between two messages: what to wait for, where it is somebody else's turn. Rejects with `OVER`. */
  rest(): Promise<void> | undefined {
    if (this.#overQuota) {
      this.#overQuota = false;
      return this.#wait.pause(OVER_QUOTA_MS).then(() => this.begin());
    }
    return this.#clock.monotonic() - this.#since > TURN_MS ? setImmediate().then(() => this.begin()) : undefined;
  }
}
