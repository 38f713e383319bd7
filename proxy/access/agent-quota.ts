/**
 * How much one agent may ask for at once and in a minute, over all of its sessions on one connection.
 */
import type { Clock } from '../../kernel/clock.ts';
import type { Failure } from '../../kernel/failure.ts';
import { rateExceeded, tooManySessions } from '../../kernel/limit-failure.ts';
import { type Limits, PROBES } from '../../kernel/policy.ts';

export class AgentQuota {
  readonly #limits: () => Limits;
  readonly #clock: Clock;
  #sessions = 0;
  /** Statements that may still run: fills up evenly to a minute's worth. */
  #allowance: number | undefined;
  #at = 0;
  #probesLeft: number | undefined;
  #probedAt = 0;

  constructor(limits: () => Limits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get sessions(): number {
    return this.#sessions;
  }

  /** Takes a place for a session; whoever got no failure gives it back with `leave`. */
  enter(): Failure | undefined {
    const most = this.#limits().sessions;
    if (most !== undefined && this.#sessions >= most) return tooManySessions(most);
    this.#sessions++;
    return undefined;
  }

  leave(): void {
    this.#sessions--;
  }

  /** Writes that told of what is hidden: see `session/probes.ts`. The budget may be overdrawn, by what several sessions learn at once. */
  readonly probes = {
    left: (): number => {
      const most = this.#limits().probesPerHour ?? PROBES.probesPerHour;
      const now = this.#clock.monotonic();
      this.#probesLeft = Math.min(most, (this.#probesLeft ?? most) + ((now - this.#probedAt) * most) / 3_600_000);
      this.#probedAt = now;
      return this.#probesLeft;
    },
    spend: (count: number): void => {
      this.#probesLeft = this.probes.left() - count;
    },
  };

  /** Counts a statement. */
  admit(): Failure | undefined {
    const most = this.#limits().statementsPerMinute;
    if (most === undefined) return undefined;
    const now = this.#clock.monotonic();
    const gained = ((now - this.#at) * most) / 60_000;
    this.#allowance = Math.min(most, (this.#allowance ?? most) + gained);
    this.#at = now;
    if (this.#allowance < 1) return rateExceeded(most);
    this.#allowance--;
    return undefined;
  }
}
