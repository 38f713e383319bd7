import type { AuditSession, StatementDecided } from '../../kernel/audit-record.ts';
import type { Failure } from '../../kernel/failure.ts';
import { Inspection } from '../detect/inspection.ts';
import { encodeControl } from '../upstream/control-message.ts';
import type { Frame } from '../wire/client-frames.ts';
import { Span } from '../wire/span.ts';
import { Batch } from './batch.ts';
import type { Consequence, Expectation, Sent } from './expectations.ts';
import type { FrontendContext } from './frontend-context.ts';
import type { NameLookup } from './name-registry.ts';
import { type RunningResult, type RunningStatement, refusalRecord, type StatementText } from './running-statement.ts';

const POISON_QUERY = new Span(encodeControl({ type: 'PoisonQuery' }));
const POISON_PARSE = new Span(encodeControl({ type: 'PoisonParse' }));

const NO_CONSEQUENCES: readonly Consequence[] = [];
const NOTHING: Partial<Expectation> = {};

const UNSTARTED = {
  startedAt: 0,
  rows: 0,
  bytes: 0,
  sqlstate: undefined,
  serverMessage: undefined,
  stopped: undefined,
  watched: [],
  probes: 0,
  rules: [],
  held: undefined,
};

/** Or perhaps there. */
const isThere = ({ type, value }: NameLookup<unknown>): boolean => type !== 'Certain' || value !== undefined;

/** Collects what goes to the server: messages that were let through, or poisoned, with the records that have to be durable before. */
export class Outbox {
  /** What is to be sent. */
  batch = new Batch();
  readonly #context: FrontendContext;
  #statements = 0;
  /** The segment of the last message of the extended protocol that was poisoned. */
  #poisoned = -1;

  constructor(context: FrontendContext) {
    this.#context = context;
  }

  /** The batch so far; a new one begins. */
  takeBatch(): Batch {
    const taken = this.batch;
    this.batch = new Batch();
    this.#context.state.unsent = undefined;
    return taken;
  }

  /** The server passes over what is sent now: something before it in the segment is poisoned. */
  get skipped(): boolean {
    return this.#poisoned === this.#context.state.segment;
  }

  /** What no judgement of a text refused: poisons the message, and records why. What would be skipped anyway is left out. */
  refuse(sent: 'Query' | 'Parse', sql: Buffer, kind: string, reason: Failure): void {
    if (sent === 'Parse' && this.skipped) {
      return;
    }
    const failure = this.#context.admit() ?? reason;
    const refusal = { kind, failure, sql, revision: this.#context.judge.revision() };
    const decided = refusalRecord(this.decided('Other'), refusal);
    this.poison(sent, failure, decided, this.#context.clock.monotonic());
  }

  /** In place of what was refused: a message that fails at the server in just the way the client has to see. */
  poison(sent: 'Query' | 'Parse', refusal: Failure, decided: StatementDecided, began: number): void {
    this.batch.record(decided);
    this.#context.refused(decided, this.#since(began), refusal);
    if (sent === 'Query') {
      this.batch.add({ kind: 'Query', bytes: POISON_QUERY, expectation: this.expect('Query', { refusal }) });
    } else {
      this.#poisoned = this.#context.state.segment;
      this.batch.add({ kind: 'Extended', bytes: POISON_PARSE, expectation: this.expect('Parse', { refusal }) });
    }
  }

  /** Lets a message of the extended protocol through, as it came. */
  extended(sent: Sent, frame: Frame, expected: Partial<Expectation>): void {
    this.batch.add({ kind: 'Extended', bytes: frame.raw, expectation: this.expect(sent, expected) });
  }

  expect(sent: Sent, expected: Partial<Expectation> = NOTHING): Expectation {
    const { swallow = false, refusal, text, running, shape, consequences = NO_CONSEQUENCES } = expected;
    const { state } = this.#context;
    state.unsent ??= state.segment;
    const always = sent === 'Query' || sent === 'HeldQuery' ? this.#unnamedGone(text) : undefined;
    return { sent, segment: state.segment, swallow, refusal, text, running, shape, consequences, ...(always && { always }) };
  }

  /**
   * A Query drops the unnamed statement before it is so much as parsed, and runs in the unnamed portal (`exec_simple_query` of `postgres.c`).
   *
   * INVARIANT: nothing reaches that portal afterwards. Where the Query has failed it is left behind until the end of the transaction, without
   * the memory that its statement was in: PostgreSQL (14 to 18) crashes where it is executed.
   */
  #unnamedGone(text: StatementText | undefined): Consequence | undefined {
    const { state } = this.#context;
    const { statements, portals, segment } = state;
    const statement = isThere(statements.lookup('', segment)) ? state.changeStatement('', undefined) : undefined;
    const runs = (text?.judged?.effects.length ?? 0) > 0;
    const portal = runs && isThere(portals.lookup('', segment)) ? state.changePortal('', undefined) : undefined;
    if (statement === undefined || portal === undefined) {
      return statement ?? portal;
    }
    return {
      confirm: (tag) => {
        statement.confirm(tag);
        portal.confirm(tag);
      },
      discard: () => {
        statement.discard();
        portal.discard();
      },
    };
  }

  /** The next number of a statement of this session. */
  decided(via: StatementDecided['via']): { session: AuditSession; statement: number; via: StatementDecided['via'] } {
    this.#statements += 1;
    return { session: this.#context.session, statement: this.#statements, via };
  }

  /** Records the decision of what is about to run. */
  running(decided: StatementDecided, text: StatementText, began: number, { size, shape }: RunningResult): RunningStatement {
    this.batch.record(decided);
    const detectors = this.#context.detectors();
    const inspection = detectors === undefined ? undefined : new Inspection(detectors, shape);
    return { ...UNSTARTED, text, decided, decisionMs: this.#since(began), size, inspection };
  }

  #since(began: number): number {
    return Math.max(0, this.#context.clock.monotonic() - began);
  }
}
