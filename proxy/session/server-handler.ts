import type { AuditSession, StatementCompleted } from '../../kernel/audit-record.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type Failure, serverSettingUnsafe, upstreamProtocolViolation } from '../../kernel/failure.ts';
import type { Limits } from '../../kernel/policy.ts';
import { SQLSTATE } from '../../kernel/sqlstate.ts';
import type { Detectors } from '../detect/detectors.ts';
import type { ControlMessage } from '../upstream/control-message.ts';
import { decodeCommandComplete } from '../wire/completion.ts';
import {
  decodeResponseFields,
  encodeErrorResponse,
  encodeFailure,
  encodeNoticeResponse,
  type ResponseFields,
} from '../wire/error-response.ts';
import { BACKEND } from '../wire/message-type.ts';
import { bodyOf, type ServerFrameSink } from '../wire/server-frames.ts';
import { decodeParameterStatus, decodeReadyForQuery, transactionStatus } from '../wire/server-status.ts';
import type { Span } from '../wire/span.ts';
import type { ClientOutput } from './client-output.ts';
import { inspectedFields, takeDescription } from './detection.ts';
import { errorForAgent, noticeForAgent } from './error-fields.ts';
import { type Consequence, type Expectation, type Expectations, isQuery } from './expectations.ts';
import { answerHeld, endHeld } from './held-statement.ts';
import { termsOf, withoutResult } from './hidden-result.ts';
import { tellsLater, toldByError, toldByTag } from './probes.ts';
import { RowDelivery } from './row-delivery.ts';
import { completionRecord, type RunningStatement } from './running-statement.ts';
import type { ServerState } from './session-state.ts';
import { countAffected, meet } from './watches.ts';

/** What the handler needs of its session. */
export type ServerContext = {
  readonly session: AuditSession;
  readonly expectations: Expectations;
  readonly state: ServerState;
  readonly clock: Clock;
  readonly output: ClientOutput;
  readonly notices: () => 'Forward' | 'Withhold';
  /** What is looked for in messages that belong to no statement in particular. */
  readonly detectors: () => Detectors | undefined;
  readonly limits: () => Limits;
  /** Counts probes; why the session has to end for them. */
  readonly probed: (count: number) => Failure | undefined;
  /** Cancels what runs. */
  readonly stop: () => void;
  /** Why the server canceled the statement, where it was for its time. */
  readonly timedOut: () => Failure | undefined;
  readonly control: (message: ControlMessage) => void;
  readonly completed: (running: RunningStatement, record: StatementCompleted) => void;
};

/** Settings that decide how SQL is read. INVARIANT: with any other value the server reads another statement than we judged. */
const PINNED: ReadonlyMap<string, string> = new Map([
  ['standard_conforming_strings', 'on'],
  ['client_encoding', 'UTF8'],
]);

/** Throws `Failure` where the server reports a pinned setting with another value. */
export const checkPinned = (name: string, value: string): void => {
  const pinned = PINNED.get(name);
  if (pinned !== undefined && pinned !== value) {
    throw serverSettingUnsafe(name, value);
  }
};

/**
 * Takes the server's messages: matches them with what was sent, follows the state of the session, and passes to the client
 * what it may see. Throws `Failure` for what ends the session.
 */
export class ServerHandler implements ServerFrameSink {
  readonly #context: ServerContext;
  /** Commands of the Query under way that are confirmed. */
  #confirmed = 0;
  readonly #rows: RowDelivery;
  /** The server said why it goes. */
  fatal = false;

  constructor(context: ServerContext) {
    this.#context = context;
    this.#rows = new RowDelivery(context);
  }

  get confirmed(): number {
    return this.#confirmed;
  }

  /** What the statement under way returns from now on is thrown away. Where it returns nothing more, it may still succeed. */
  stop(failure: Failure): void {
    this.#rows.stop(this.#context.expectations.head?.running, failure);
  }

  /** Where a row has not come to its end, the client has the beginning of it. */
  get partsPass(): boolean {
    return this.#rows.partsPass;
  }

  bulk(raw: Span, rows: number, begun: number): void {
    const { expectation } = this.#context.expectations.answer(BACKEND.dataRow);
    this.#rows.take(expectation, this.#confirmed, { raw, rows, begun });
  }

  message(type: number, raw: Span): void {
    const { output, notices } = this.#context;
    switch (type) {
      case BACKEND.errorResponse:
        this.#error(bodyOf(raw));
        break;
      case BACKEND.noticeResponse:
        if (notices() === 'Forward') {
          const { expectations, state } = this.#context;
          const told = noticeForAgent(
            decodeResponseFields(bodyOf(raw), upstreamProtocolViolation),
            expectations.head?.text,
            state.lingering,
            this.#confirmed,
          );
          if (told !== undefined)
            output.add(encodeNoticeResponse(inspectedFields(told, expectations.head, 'notice', this.#context.detectors())));
        }
        break;
      case BACKEND.parameterStatus: {
        const { name, value } = decodeParameterStatus(bodyOf(raw), upstreamProtocolViolation);
        checkPinned(name, value);
        output.add(raw);
        break;
      }
      // What other sessions say is not for the agent.
      case BACKEND.notificationResponse:
        break;
      case BACKEND.readyForQuery:
        this.#ready(raw);
        break;
      default:
        this.#answer(type, raw);
    }
  }

  #answer(type: number, raw: Span): void {
    const { expectation, done } = this.#context.expectations.answer(type);
    const { state } = this.#context;
    if (expectation.text?.prepared.withholdInside === true && !state.lingering.insideMayTell) {
      state.lingering = { ...state.lingering, insideMayTell: true };
    }
    if (!state.lingering.constraintsMayTell && tellsLater(expectation.text)) {
      state.lingering = { ...state.lingering, constraintsMayTell: true };
    }
    const { running, text } = expectation;
    takeDescription(expectation, type, raw);
    const terms = termsOf(text, this.#confirmed);
    const { hidesResult, watches } = terms;
    const told = hidesResult ? withoutResult(expectation.sent, type, raw) : raw;
    const tag = type === BACKEND.commandComplete ? decodeCommandComplete(bodyOf(raw), upstreamProtocolViolation) : undefined;
    if (tag !== undefined && running !== undefined && watches.length > 0) {
      meet(running, countAffected(watches, tag));
    }
    if (tag !== undefined) {
      this.#probed(toldByTag(terms, tag), running);
    }
    const stopped = running?.stopped;
    const held = running?.held !== undefined && answerHeld(running.held, expectation, { type, raw }, this.#context);
    if (tag !== undefined && !(held && stopped !== undefined)) {
      expectation.consequences[this.#confirmed]?.confirm(tag);
      this.#confirmed += 1;
    }
    if (held) {
      return;
    }
    if (stopped !== undefined && (type === BACKEND.commandComplete || type === BACKEND.portalSuspended)) {
      this.#tellStopped(expectation, stopped);
    }
    if (done) {
      this.#finish(type, expectation);
    }
    if (!expectation.swallow && stopped === undefined && told !== undefined) {
      this.#context.output.add(told);
    }
  }

  /**
   * The statement was over before it could be cancelled, so the client is told of an error that the server knows nothing of. That
   * can only pass where nothing else depends on it; otherwise the session ends.
   */
  #tellStopped({ sent, running, text }: Expectation, stopped: Failure): void {
    const alone = sent === 'Query' ? text?.judged?.effects.length === 1 : this.#context.expectations.head?.sent === 'Sync';
    if (!alone || running === undefined) {
      throw stopped;
    }
    running.sqlstate = stopped.fields.sqlstate;
    this.#context.output.add(encodeFailure(stopped.fields));
  }

  /** The last answer of a message of the extended protocol. */
  #finish(type: number, expectation: Expectation): void {
    const confirmed = this.#confirmed;
    this.#confirmed = 0;
    const { consequences } = expectation;
    for (let index = confirmed; index < consequences.length; index += 1) {
      const consequence = consequences[index] as Consequence;
      if (type === BACKEND.portalSuspended && expectation.text?.judged?.effects[index]?.type === 'SetSearchPath') {
        // The call of set_config has been made: its row has come.
        consequence.confirm('');
      } else if (expectation.sent === 'Execute') {
        consequence.discard();
      } else {
        consequence.confirm('');
      }
    }
    if (expectation.running !== undefined) {
      const outcome = type === BACKEND.portalSuspended ? 'Suspended' : 'Completed';
      this.#complete(expectation.running, expectation.running.stopped === undefined ? outcome : 'Failed');
    }
  }

  #ready(raw: Span): void {
    const { expectations, state, output } = this.#context;
    const status = transactionStatus(raw) ?? decodeReadyForQuery(bodyOf(raw), upstreamProtocolViolation);
    if (expectations.readyBeyond()) {
      state.ready(status);
      output.add(raw);
      return;
    }
    const { expectation } = expectations.answer(BACKEND.readyForQuery);
    this.#discardRest(expectation);
    expectation.always?.confirm('');
    this.#confirmed = 0;
    state.ready(status);
    const { running } = expectation;
    if (running?.held?.end !== undefined) {
      output.add(running.held.end);
    }
    if (running !== undefined) {
      this.#complete(running, running.sqlstate === undefined ? 'Completed' : 'Failed');
    }
    output.add(raw);
  }

  #error(body: Buffer): void {
    const { expectations, state, output } = this.#context;
    const fields = decodeResponseFields(body, upstreamProtocolViolation);
    const severity = fields.get('V') ?? fields.get('S');
    const sqlstate = fields.get('C') ?? SQLSTATE.internalError;
    if (severity === 'FATAL' || severity === 'PANIC') {
      this.fatal = true;
      const told = errorForAgent(fields, expectations.head?.text, state.lingering).fields;
      output.add(encodeErrorResponse(inspectedFields(told, expectations.head, 'error', this.#context.detectors())));
      return;
    }
    const { failed, skipped } = expectations.fail();
    state.path.failed();
    state.definitions.failed();
    const standing = isQuery(failed) && standsAfter(fields, failed, this.#confirmed) ? failed.consequences[this.#confirmed] : undefined;
    standing?.confirm('');
    this.#discardRest(failed, this.#confirmed + (standing === undefined ? 0 : 1));
    if (!isQuery(failed)) {
      this.#confirmed = 0;
    }
    if (sqlstate === SQLSTATE.queryCanceled && failed.running !== undefined) {
      failed.running.stopped ??= this.#context.timedOut();
    }
    // Only the error that we provoked is ours: the statement may as well have been cancelled.
    if (failed.refusal !== undefined && sqlstate === SQLSTATE.syntaxError) {
      this.#tell(failed, encodeFailure(failed.refusal.fields));
    } else if (failed.running?.stopped !== undefined) {
      failed.running.sqlstate = failed.running.stopped.fields.sqlstate;
      this.#tell(failed, encodeFailure(failed.running.stopped.fields));
    } else {
      this.#probed(toldByError(fields, failed, state.lingering.constraintsMayTell), failed.running);
      const told = errorForAgent(fields, failed.text, state.lingering, isQuery(failed) ? this.#confirmed : 0);
      this.#tell(failed, encodeErrorResponse(inspectedFields(told.fields, failed, 'error', this.#context.detectors())));
      if (failed.running !== undefined) {
        failed.running.sqlstate = told.fields.get('C') ?? sqlstate;
        failed.running.serverMessage = told.withheld;
      }
    }
    if (failed.running !== undefined && !isQuery(failed)) {
      this.#complete(failed.running, 'Failed');
    }
    if (failed.running?.held !== undefined) {
      endHeld(failed.running.held, failed, this.#context);
    }
    for (const expectation of skipped) {
      this.skip(expectation);
    }
  }

  /** INVARIANT: what is one probe too many is never told: the session ends first. */
  #probed(count: number, running: RunningStatement | undefined): void {
    if (count === 0) {
      return;
    }
    if (running !== undefined) {
      running.probes += count;
    }
    const failure = this.#context.probed(count);
    if (failure !== undefined) {
      throw failure;
    }
  }

  /** An error: as PostgreSQL does, a Query is told of its end together with ReadyForQuery. */
  #tell({ sent, running }: Expectation, told: Buffer): void {
    if (sent === 'HeldQuery' && running?.held !== undefined) {
      running.held.end = told;
    } else {
      this.#context.output.add(told);
    }
  }

  /** The server passes over the message. */
  skip(expectation: Expectation): void {
    for (const consequence of expectation.consequences) {
      consequence.discard();
    }
    expectation.always?.discard();
    if (expectation.running !== undefined) {
      this.#complete(expectation.running, 'Failed');
    }
  }

  /** What was not answered when the session ended. */
  lose(): void {
    for (const expectation of this.#context.expectations.all()) {
      this.loseOne(expectation);
    }
  }

  loseOne({ running }: Expectation): void {
    if (running !== undefined) {
      this.#complete(running, 'Lost');
    }
  }

  #discardRest(expectation: Expectation, from = this.#confirmed): void {
    const { consequences } = expectation;
    for (let index = from; index < consequences.length; index += 1) {
      consequences[index]?.discard();
    }
  }

  #complete(running: RunningStatement, outcome: StatementCompleted['outcome']): void {
    const { session, clock, completed } = this.#context;
    completed(running, completionRecord(session, running, outcome, clock.monotonic()));
  }
}

/**
 * Has the last statement of a text done its work, though its end is not told? PREPARE and DEALLOCATE outlive a rollback, and the constraint that
 * failed was not theirs, but a deferred one's of what stands before.
 */
const standsAfter = (fields: ResponseFields, { consequences, text }: Expectation, confirmed: number): boolean => {
  const effect = text?.judged?.effects[confirmed]?.type;
  return (
    confirmed === consequences.length - 1 &&
    (effect === 'Prepare' || effect === 'Deallocate') &&
    fields.has('n') &&
    isConstraint(fields.get('C'))
  );
};

const isConstraint = (sqlstate: string | undefined): boolean => sqlstate?.startsWith('23') === true;
