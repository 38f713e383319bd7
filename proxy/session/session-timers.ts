import type { Clock } from '../../kernel/clock.ts';
import type { Failure } from '../../kernel/failure.ts';
import { clientNotReading, idleTooLong, sessionTooLong, statementTooLong, transactionTooLong } from '../../kernel/limit-failure.ts';
import type { Limits } from '../../kernel/policy.ts';
import type { Expectation, Expectations } from './expectations.ts';
import type { ServerState } from './session-state.ts';

/** What the timers see of a session, and what they may do to it. */
export type TimedSession = {
  readonly clock: Clock;
  /** Asked each time: policies change while a session lives. */
  readonly limits: () => Limits;
  /** Milliseconds that the client may leave results waiting; 0: for ever. */
  readonly sendTimeout: number;
  /** The client could send something, and does not. */
  readonly idle: () => boolean;
  /** Its head is what the server works at. */
  readonly expectations: Pick<Expectations, 'head' | 'copyIn' | 'unanswered'>;
  readonly state: Pick<ServerState, 'status' | 'transactionsEnded'>;
  /** How many commands of what the server works at are done. */
  readonly confirmed: () => number;
  /** Stops what the server works at; what it still returns is thrown away. */
  readonly stop: (failure: Failure) => void;
  readonly end: (failure: Failure) => void;
};

/** The server gets this long to end a statement by itself: it does so at the limit, where nothing is in its way. */
const SERVER_FIRST_MS = 1_000;

/** And this long to take a cancel request, before the session ends. */
const CANCEL_MS = 5_000;

/** How often limits are looked at: the eighth part of the smallest, within these bounds. */
const TICK_MS = { least: 10, most: 1_000 } as const;

/** The server's own timer may be early by the rounding of two clocks. */
const ROUNDING_MS = 2;

/**
 * Ends what takes too long: statements, transactions, idleness, sessions, and clients that do not read. Nothing is armed or cleared
 * for a statement; what is under way is looked at from time to time.
 */
export class SessionTimers {
  readonly #session: TimedSession;
  readonly #startedAt: number;
  #activeAt: number;
  #head: Expectation | undefined;
  #confirmed = 0;
  #headSince = 0;
  #transactionSince: number | undefined;
  #ended = 0;
  #stalledSince: number | undefined;
  /** What the client itself has asked to cancel. */
  #cancelled: Expectation | undefined;
  /** What was stopped for its time. */
  #stopped: { readonly head: Expectation; readonly since: number } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(session: TimedSession) {
    this.#session = session;
    this.#startedAt = session.clock.monotonic();
    this.#activeAt = this.#startedAt;
  }

  start(): void {
    const { sendTimeout } = this.#session;
    const { statementTimeout, transactionTimeout, idleTimeout, sessionDuration } = this.#session.limits();
    const all = [statementTimeout, transactionTimeout, idleTimeout, sessionDuration, sendTimeout === 0 ? undefined : sendTimeout];
    const smallest = Math.min(...all.filter((limit) => limit !== undefined));
    const wait = Math.min(Math.max(smallest / 8, TICK_MS.least), TICK_MS.most);
    this.#timer = setTimeout(() => this.#look(), wait);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The client, or the server, did something. */
  active(): void {
    const now = this.#session.clock.monotonic();
    this.#activeAt = now;
    const { state } = this.#session;
    const { head } = this.#session.expectations;
    const confirmed = this.#session.confirmed();
    if (head !== this.#head || confirmed !== this.#confirmed) {
      this.#head = head;
      this.#confirmed = confirmed;
      this.#headSince = now;
    }
    if (head === undefined && state.status === 'Idle') {
      this.#transactionSince = undefined;
    } else if (this.#transactionSince === undefined || state.transactionsEnded !== this.#ended) {
      this.#transactionSince = now;
    }
    this.#ended = state.transactionsEnded;
  }

  /** Output waits for the client. */
  stalled(): void {
    this.#stalledSince ??= this.#session.clock.monotonic();
  }

  /** The client has taken all of it. */
  drained(): void {
    this.#stalledSince = undefined;
  }

  /** The client asked to cancel what the server works at. */
  cancelled(): void {
    this.#cancelled = this.#head;
  }

  /** What the server works at was stopped for its time, and is not over yet. */
  get stopping(): boolean {
    return this.#stopped !== undefined && this.#stopped.head === this.#head;
  }

  /** Why the server canceled what it worked at, where that was for the policy's limit. */
  timedOut(): Failure | undefined {
    const { statementTimeout } = this.#session.limits();
    if (statementTimeout === undefined || (this.#cancelled !== undefined && this.#cancelled === this.#head)) {
      return undefined;
    }
    const elapsed = this.#session.clock.monotonic() - this.#headSince;
    return elapsed >= statementTimeout - ROUNDING_MS ? statementTooLong(statementTimeout) : undefined;
  }

  #look(): void {
    const over = this.#over(this.#session.clock.monotonic());
    if (over !== undefined) {
      this.#session.end(over);
      return;
    }
    this.#stopStatement();
    if (this.#timer !== undefined) {
      this.start();
    }
  }

  /** Why the session has to end. */
  #over(now: number): Failure | undefined {
    const { sendTimeout, idle } = this.#session;
    const { statementTimeout, transactionTimeout, idleTimeout, sessionDuration } = this.#session.limits();
    if (sessionDuration !== undefined && now - this.#startedAt >= sessionDuration) {
      return sessionTooLong(sessionDuration);
    }
    if (transactionTimeout !== undefined && this.#transactionSince !== undefined && now - this.#transactionSince >= transactionTimeout) {
      return transactionTooLong(transactionTimeout);
    }
    if (statementTimeout !== undefined && this.#stopped !== undefined && this.stopping && now - this.#stopped.since >= CANCEL_MS) {
      return statementTooLong(statementTimeout);
    }
    if (sendTimeout > 0 && this.#stalledSince !== undefined && now - this.#stalledSince >= sendTimeout) {
      return clientNotReading(sendTimeout);
    }
    if (idleTimeout !== undefined && now - this.#activeAt >= idleTimeout && idle()) {
      return idleTooLong(idleTimeout);
    }
    return undefined;
  }

  /** The server does not come to it while it waits for a client that does not read, or does not send its COPY. */
  #stopStatement(): void {
    const { statementTimeout } = this.#session.limits();
    if (statementTimeout === undefined || this.#head === undefined || this.stopping) {
      return;
    }
    const now = this.#session.clock.monotonic();
    const elapsed = now - this.#headSince;
    if (elapsed >= statementTimeout + SERVER_FIRST_MS && elapsed >= statementTimeout * this.#together() + SERVER_FIRST_MS) {
      this.#stopped = { head: this.#head, since: now };
      this.#session.stop(statementTooLong(statementTimeout));
    }
  }

  /** How many statements the time since the last answer may belong to. */
  #together(): number {
    const { expectations } = this.#session;
    return expectations.copyIn || this.#stalledSince !== undefined ? 1 : expectations.unanswered;
  }
}
