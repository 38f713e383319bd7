import type { Clock } from '../../kernel/clock.ts';
import type { Failure } from '../../kernel/failure.ts';
import { tooManyConnections } from '../../kernel/limit-failure.ts';

/** A connection that was let in. */
export type Visitor = {
  /** It is known now who it is. Undefined: there is a place for a session; otherwise why not. */
  readonly sitDown: (agent: string) => Failure | undefined;
  /** Its place is free again. May be called more than once. */
  readonly leave: () => void;
};

export type DoorkeeperOptions = {
  /** Sessions at a time. As many connections more may be on their way to one. */
  readonly maxConnections: number;
  /** Sessions that are kept for agents with less than half of all: the last ones are not for whoever has the most. */
  readonly reserve: number;
  readonly clock: Clock;
};

/** Where the door is crowded, whoever has stood there for so long has to go: a log-in takes a small part of it. */
const PATIENCE_MS = 5_000;

/** Even a small proxy has this many places at the door, or a session could not be cancelled. */
const DOOR_PLACES = 16;

type Waiting = { readonly since: number; readonly evict: (failure: Failure) => void };

/** Counts connections: nobody waits, and nothing is allocated for whoever does not get in. */
export class Doorkeeper {
  readonly #options: DoorkeeperOptions;
  readonly #places: number;
  /** At the door, the longest first. */
  readonly #waiting = new Set<Waiting>();
  readonly #seated = new Map<string, number>();
  #sessions = 0;

  constructor(options: DoorkeeperOptions) {
    this.#options = options;
    this.#places = Math.max(options.maxConnections, DOOR_PLACES);
  }

  /** Connections that can be open at the same time. */
  get capacity(): number {
    return this.#places + this.#options.maxConnections;
  }

  /** `evict` ends the connection, if its place at the door is needed. */
  arrive(evict: (failure: Failure) => void): Visitor | Failure {
    const now = this.#options.clock.monotonic();
    if (this.#waiting.size >= this.#places && !this.#evictLongest(now)) {
      return this.#full();
    }
    const waiting: Waiting = { since: now, evict };
    this.#waiting.add(waiting);
    let agent: string | undefined;
    return {
      sitDown: (name) => {
        if (!this.#mayHaveMore(name)) {
          return this.#full();
        }
        this.#waiting.delete(waiting);
        agent = name;
        this.#sessions += 1;
        this.#seated.set(name, this.#seatsOf(name) + 1);
        return undefined;
      },
      leave: () => {
        this.#waiting.delete(waiting);
        if (agent !== undefined) {
          this.#standUp(agent);
          agent = undefined;
        }
      },
    };
  }

  #evictLongest(now: number): boolean {
    const [longest] = this.#waiting;
    if (longest === undefined || now - longest.since < PATIENCE_MS) {
      return false;
    }
    this.#waiting.delete(longest);
    longest.evict(this.#full());
    return true;
  }

  #mayHaveMore(agent: string): boolean {
    const { maxConnections, reserve } = this.#options;
    const free = maxConnections - this.#sessions;
    return free > reserve || (free > 0 && this.#seatsOf(agent) * 2 < maxConnections);
  }

  #seatsOf(agent: string): number {
    return this.#seated.get(agent) ?? 0;
  }

  #standUp(agent: string): void {
    this.#sessions -= 1;
    const left = this.#seatsOf(agent) - 1;
    if (left === 0) {
      this.#seated.delete(agent);
    } else {
      this.#seated.set(agent, left);
    }
  }

  #full(): Failure {
    return tooManyConnections(this.#options.maxConnections);
  }
}
