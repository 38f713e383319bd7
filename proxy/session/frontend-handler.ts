import { notUnderstood, protocolViolation, statementUnknown } from '../../kernel/failure.ts';
import type { Allowed, Judged } from '../policy/judgement.ts';
import { severalUncounted } from '../policy/uncounted.ts';
import type { Bind } from '../wire/bind.ts';
import type { Frame } from '../wire/client-frames.ts';
import { type DescribeOrClose, encodeDescribe } from '../wire/describe-close.ts';
import { encodeExecute, type Execute } from '../wire/execute.ts';
import { decodeFrontend, type FrontendMessage } from '../wire/frontend-message.ts';
import { encodeParse, type Parse } from '../wire/parse.ts';
import { encodeQuery, type Query } from '../wire/query.ts';
import { Span } from '../wire/span.ts';
import { consequencesOf } from './consequences.ts';
import type { FrontendContext } from './frontend-context.ts';
import { termsOf } from './hidden-result.ts';
import { encodeHeldQuery, newlyHeld } from './held-statement.ts';
import { Holding } from './holding.ts';
import type { Outbox } from './outbox.ts';
import { Quotas } from './quotas.ts';
import { Renewal, runs } from './renewal.ts';
import { decisionRecord, overruled, preparedRecord, recordedParameters, type StatementText, textOf } from './running-statement.ts';
import { newShape, type Portal, type PortalShape, type Statement } from './session-state.ts';
import { type Known, whenKnown } from './when-known.ts';
import { mayBeUndone } from './watches.ts';

const NO_SQL = Buffer.alloc(0);

/** Messages that are let through by what is known of policy and catalog; the others wait for neither. */
const JUDGED: ReadonlySet<FrontendMessage['type']> = new Set(['Query', 'Parse', 'Bind', 'Describe', 'Execute'] as const);

/** Kinds of statements that can return values. */
const RETURNS_ROWS: ReadonlySet<string> = new Set([
  'Select',
  'Insert',
  'Update',
  'Delete',
  'Merge',
  'Copy',
  'Execute',
  'Fetch',
  'Explain',
  'VariableShow',
]);

const goOn = (handled: Known<void>): Known<boolean> => (handled instanceof Promise ? handled.then(() => false) : false);

/**
 * Turns the client's messages into what the server gets: the one place where a message is let through.
 * A refused one becomes a poisoned one, which fails at the server in just the way the client has to see.
 */
export class FrontendHandler {
  readonly #context: FrontendContext;
  readonly #outbox: Outbox;
  readonly #renewal: Renewal;
  readonly #holding: Holding;
  readonly #quotas: Quotas;
  /** Messages so far that may have ended a cursor. */
  #endings = 0;

  constructor(context: FrontendContext, outbox: Outbox) {
    this.#context = context;
    this.#outbox = outbox;
    this.#renewal = new Renewal(context, outbox);
    this.#holding = new Holding(context, outbox);
    this.#quotas = new Quotas(context, outbox);
  }

  /** True: the client says goodbye. Throws `Failure` for what ends the session. */
  handle(frame: Frame): Known<boolean> {
    const message = decodeFrontend(frame);
    const renewing = JUDGED.has(message.type) ? this.#context.judge.renewing?.() : undefined;
    return renewing === undefined ? this.#taken(message, frame) : renewing.then(() => this.#taken(message, frame));
  }

  #taken(message: FrontendMessage, frame: Frame): Known<boolean> {
    const ignored = this.#holding.ignores(message);
    if (ignored instanceof Promise) {
      return ignored.then((known) => (known ? false : this.#handle(message, frame)));
    }
    return ignored ? false : this.#handle(message, frame);
  }

  #handle(message: FrontendMessage, frame: Frame): Known<boolean> {
    const { state } = this.#context;
    switch (message.type) {
      case 'Query':
        this.#endings += 1;
        return whenKnown(this.#quotas.turnsAway(message, frame) ? undefined : this.#query(message, frame), () => {
          state.segment += 1;
          return false;
        });
      case 'Parse':
        return goOn(this.#quotas.turnsAway(message, frame) ? undefined : this.#parse(message, frame));
      case 'Bind':
        return goOn(this.#quotas.turnsAway(message, frame) ? undefined : this.#bind(message, frame));
      case 'Execute': {
        const executed = this.#quotas.turnsAway(message, frame) ? undefined : this.#execute(message, frame);
        if (executed instanceof Promise) {
          return executed.then(() => this.#executed());
        }
        return this.#executed();
      }
      case 'Describe':
        return goOn(this.#describe(message, frame));
      case 'Close':
        this.#endings += 1;
        this.#close(message, frame);
        break;
      case 'FunctionCall':
        this.#outbox.refuse('Query', NO_SQL, 'FunctionCall', notUnderstood('the function-call message'));
        state.segment += 1;
        break;
      case 'Sync':
        this.#outbox.batch.add({ kind: 'Sync', bytes: frame.raw, expectation: this.#outbox.expect('Sync') });
        state.segment += 1;
        break;
      case 'Flush':
        this.#outbox.batch.add({ kind: 'Flush', bytes: frame.raw, expectation: undefined });
        break;
      // Outside of COPY the server ignores these, so there is nothing to tell apart.
      case 'CopyData':
        this.#outbox.batch.add({ kind: 'Copy', bytes: frame.raw, expectation: undefined });
        break;
      case 'CopyDone':
      case 'CopyFail':
        this.#outbox.batch.add({ kind: 'Copy', bytes: frame.raw, expectation: this.#outbox.expect('CopyEnd') });
        return goOn(this.#holding.copied());
      case 'Terminate':
        return true;
      case 'Password':
        throw protocolViolation(`invalid frontend message type ${frame.type}`);
      default:
        message satisfies never;
    }
    return false;
  }

  #executed(): boolean {
    this.#endings += 1;
    return false;
  }

  #query({ sql }: Query, frame: Frame): Known<void> {
    const began = this.#context.clock.monotonic();
    return whenKnown(this.#renewal.judge(sql, 'Query'), (judged) => this.#queryJudged(sql, judged, began, frame));
  }

  #queryJudged(sql: Buffer, judged: Judged, began: number, frame: Frame): Known<void> {
    const decided = decisionRecord(this.#outbox.decided('Query'), sql, judged);
    if (judged.decision === 'Deny') {
      this.#outbox.poison('Query', judged.failure, decided, began);
      return undefined;
    }
    const full =
      severalUncounted(judged.terms)[0] ?? this.#quotas.refusesToKeep(judged.effects) ?? this.#context.admitTelling(judged.terms);
    if (full !== undefined) {
      this.#outbox.poison('Query', full, overruled(decided, full), began);
      return undefined;
    }
    const text = textOf(sql, judged);
    const running = this.#outbox.running(decided, text, began, { size: { rows: 0, bytes: 0 }, shape: newShape() });
    const consequences = consequencesOf(running, { rows: 0, bytes: 0 }, this.#context.state);
    if (judged.terms.length !== 1 || !(judged.terms.some(mayBeUndone) || this.#mayBeBlocked(text))) {
      const bytes = isAsSent(sql, judged) ? frame.raw : new Span(encodeQuery(judged.sent));
      this.#outbox.batch.add({ kind: 'Query', bytes, expectation: this.#outbox.expect('Query', { running, text, consequences }) });
      return undefined;
    }
    running.held = newlyHeld();
    const expectation = this.#outbox.expect('HeldQuery', { running, text, consequences });
    this.#outbox.batch.add({ kind: 'Query', bytes: new Span(encodeHeldQuery(judged.sent)), expectation });
    return this.#holding.hold(running.held, true);
  }

  #parse(parse: Parse, frame: Frame): Known<void> {
    const began = this.#context.clock.monotonic();
    return whenKnown(this.#renewal.judge(parse.sql, 'Parse', parse.parameterTypes), (judged) =>
      this.#parseJudged(parse, judged, began, frame),
    );
  }

  #parseJudged({ name, sql, parameterTypes }: Parse, judged: Judged, began: number, frame: Frame): void {
    const decided = decisionRecord(this.#outbox.decided('Parse'), sql, judged);
    if (judged.decision === 'Deny') {
      this.#quotas.forfeit();
      this.#outbox.poison('Parse', judged.failure, decided, began);
      return;
    }
    this.#outbox.batch.record(decided);
    const bytes = isAsSent(sql, judged) ? frame.raw : new Span(encodeParse(name, judged.sent, parameterTypes));
    const text = textOf(sql, judged);
    const made = this.#context.state.changeStatement(name, { text, parameterTypes });
    this.#outbox.batch.add({ kind: 'Extended', bytes, expectation: this.#outbox.expect('Parse', { text, consequences: [made] }) });
  }

  #bind(bind: Bind, frame: Frame): Known<void> {
    const current = this.#statement(bind.statement, 'Bind');
    return current instanceof Promise ? current.then((known) => this.#bindTo(known, bind, frame)) : this.#bindTo(current, bind, frame);
  }

  /** The prepared statement if it may go on. Undefined: it was refused. */
  #statement(name: string, kind: 'Bind' | 'Describe'): Known<Statement | undefined> {
    const found = this.#renewal.certain(this.#context.state.statements, name);
    return found instanceof Promise ? found.then((statement) => this.#current(name, kind, statement)) : this.#current(name, kind, found);
  }

  #current(name: string, kind: 'Bind' | 'Describe', statement: Statement | undefined): Known<Statement | undefined> {
    if (statement === undefined) {
      this.#outbox.refuse('Parse', NO_SQL, kind, statementUnknown(name));
      return undefined;
    }
    return this.#renewal.refresh(name, statement);
  }

  #bindTo(current: Statement | undefined, bind: Bind, frame: Frame): void {
    if (current === undefined) {
      return;
    }
    const over = this.#quotas.refusesToBind();
    if (over !== undefined) {
      this.#outbox.refuse('Parse', current.text.sql, 'Bind', over);
      return;
    }
    const { state } = this.#context;
    const masked = current.text.judged?.maskedParameters ?? [];
    const parameters = recordedParameters(bind.parameters, bind.parameterFormats, masked);
    const shape = newShape();
    const made = state.changePortal(bind.portal, {
      statement: current,
      parameters,
      size: { rows: 0, bytes: 0 },
      shape,
      watched: { rows: 0, bytes: 0 },
      declared: false,
      endings: this.#endings,
    });
    this.#outbox.extended('Bind', frame, { text: current.text, consequences: [made] });
    if (this.#context.detectors() !== undefined) {
      this.#describeForUs(bind.portal, current.text, shape);
    }
  }

  /** Clients may leave Describe out, or have described the statement long ago: types and formats are those of the portal. */
  #describeForUs(name: string, text: StatementText, shape: PortalShape): void {
    shape.asked = true;
    const expectation = this.#outbox.expect('DescribePortal', { swallow: true, text, shape });
    this.#outbox.batch.add({ kind: 'Extended', bytes: new Span(encodeDescribe('Portal', name)), expectation });
  }

  /** It may return values that end it: only then it is known whether it may stand. */
  #mayBeBlocked({ judged }: StatementText): boolean {
    return this.#context.detectors()?.blocks === true && (judged?.kinds.some((kind) => RETURNS_ROWS.has(kind)) ?? true);
  }

  #describe({ target, name }: DescribeOrClose, frame: Frame): Known<void> {
    return target === 'Statement' ? this.#describeStatement(name, frame) : this.#describePortal(name, frame);
  }

  #describeStatement(name: string, frame: Frame): Known<void> {
    return whenKnown(this.#statement(name, 'Describe'), (current) => {
      if (current !== undefined && runs(current.text, 'Fetch')) {
        return this.#describeFetch(name, current, frame);
      }
      if (current !== undefined) {
        this.#outbox.extended('DescribeStatement', frame, { text: current.text });
      }
      return undefined;
    });
  }

  #describePortal(name: string, frame: Frame): Known<void> {
    return whenKnown(this.#renewal.currentPortal(name, 'Describe'), (portal) => {
      if (portal === undefined) {
        return;
      }
      const { text } = portal.statement;
      if (runs(text, 'Fetch') && portal.endings !== this.#endings) {
        this.#outbox.refuse('Parse', text.sql, 'Describe', notUnderstood('Describe of a FETCH that does not follow its Bind'));
      } else {
        this.#outbox.extended('DescribePortal', frame, { text });
      }
    });
  }

  /**
   * INVARIANT: PostgreSQL (14 to 18) crashes when it describes a FETCH whose cursor has gone (`FetchStatementTargetList` of
   * `src/backend/tcop/pquery.c`). A FETCH that is parsed just before has looked the cursor up, and a portal whose cursor may be gone
   * is not described.
   */
  async #describeFetch(name: string, { text, parameterTypes }: Statement, frame: Frame): Promise<void> {
    const judged = await this.#renewal.judgeAgain(text, 'Parse', parameterTypes);
    if (judged === undefined) {
      return;
    }
    this.#outbox.batch.record(decisionRecord(this.#outbox.decided('Parse'), text.sql, judged));
    const current = { text: textOf(text.sql, judged), parameterTypes };
    this.#renewal.parseAgain(name, current);
    this.#outbox.extended('DescribeStatement', frame, { text: current.text });
  }

  #execute(execute: Execute, frame: Frame): Known<void> {
    const began = this.#context.clock.monotonic();
    const portal = this.#renewal.currentPortal(execute.portal, 'Execute');
    return portal instanceof Promise
      ? portal.then((known) => this.#executePortal(execute, known, began, frame))
      : this.#executePortal(execute, portal, began, frame);
  }

  #executePortal({ portal: name, maxRows }: Execute, portal: Portal | undefined, began: number, frame: Frame): Known<void> {
    if (portal === undefined) {
      return undefined;
    }
    const { text } = portal.statement;
    const decided =
      text.judged === undefined
        ? preparedRecord(this.#outbox.decided('Execute'), text, portal.parameters)
        : decisionRecord(this.#outbox.decided('Execute'), text.sql, text.judged, portal.parameters);
    const full = this.#quotas.refusesToKeep(text.judged?.effects ?? []) ?? this.#context.admitTelling([termsOf(text, 0)]);
    if (full !== undefined) {
      this.#outbox.poison('Parse', full, overruled(decided, full), began);
      return undefined;
    }
    if (!portal.shape.asked && this.#context.detectors() !== undefined) {
      if (runs(text, 'Fetch') && portal.endings !== this.#endings) {
        this.#outbox.refuse('Parse', text.sql, 'Execute', notUnderstood('Execute of a FETCH that does not follow its Bind'));
        return undefined;
      }
      this.#describeForUs(name, text, portal.shape);
    }
    const running = this.#outbox.running(decided, text, began, portal);
    const consequences = consequencesOf(running, portal.watched, this.#context.state);
    const terms = termsOf(text, 0);
    const held = mayBeUndone(terms) || (maxRows <= 0 && this.#mayBeBlocked(text));
    // A suspended portal has changed all its rows and has not said how many; and the client is to know of none that are hidden.
    const counted = held || (terms.telling?.proposed ?? 0) > 0;
    const bytes = maxRows > 0 && (counted || terms.hidesResult) ? new Span(encodeExecute(name, 0)) : frame.raw;
    const expectation = this.#outbox.expect('Execute', { running, text: running.text, consequences });
    this.#outbox.batch.add({ kind: 'Extended', bytes, expectation });
    if (!held) {
      return undefined;
    }
    running.held = newlyHeld();
    return this.#holding.hold(running.held, false);
  }

  #close({ target, name }: DescribeOrClose, frame: Frame): void {
    const { state } = this.#context;
    const gone = target === 'Statement' ? state.changeStatement(name, undefined) : state.changePortal(name, undefined);
    this.#outbox.extended('Close', frame, { consequences: [gone] });
  }
}

/** INVARIANT: the server gets the judge's text and no other; the agent's frame only where they are the same, byte by byte. */
const isAsSent = (sql: Buffer, { sent }: Allowed): boolean => sql.equals(Buffer.from(sent, 'utf8'));
