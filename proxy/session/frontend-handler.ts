import { notUnderstood, protocolViolation, statementUnknown } from '../../kernel/failure.ts';
import type { Allowed } from '../policy/judgement.ts';
import { severalUncounted } from '../policy/uncounted.ts';
import type { Bind } from '../wire/bind.ts';
import type { Frame } from '../wire/client-frames.ts';
import type { DescribeOrClose } from '../wire/describe-close.ts';
import { encodeExecute, type Execute } from '../wire/execute.ts';
import { decodeFrontend } from '../wire/frontend-message.ts';
import { encodeParse, type Parse } from '../wire/parse.ts';
import { encodeQuery, type Query } from '../wire/query.ts';
import { consequencesOf } from './consequences.ts';
import type { FrontendContext } from './frontend-context.ts';
import { termsOf } from './hidden-result.ts';
import { encodeHeldQuery, newlyHeld } from './held-statement.ts';
import { Holding } from './holding.ts';
import type { Outbox } from './outbox.ts';
import { effectsOf, Renewal } from './renewal.ts';
import { decisionRecord, overruled, preparedRecord, recordedParameters, textOf } from './running-statement.ts';
import type { Statement } from './session-state.ts';
import { mayBeUndone } from './watches.ts';

const NO_SQL = Buffer.alloc(0);

/**
 * Turns the client's messages into what the server gets: the one place where a message is let through.
 * A refused one becomes a poisoned one, which fails at the server in just the way the client has to see.
 */
export class FrontendHandler {
  readonly #context: FrontendContext;
  readonly #outbox: Outbox;
  readonly #renewal: Renewal;
  readonly #holding: Holding;
  /** Messages so far that may have ended a cursor. */
  #endings = 0;

  constructor(context: FrontendContext, outbox: Outbox) {
    this.#context = context;
    this.#outbox = outbox;
    this.#renewal = new Renewal(context, outbox);
    this.#holding = new Holding(context, outbox);
  }

  /** True: the client says goodbye. Throws `Failure` for what ends the session. */
  async handle(frame: Frame): Promise<boolean> {
    const message = decodeFrontend(frame);
    const { state } = this.#context;
    if (await this.#holding.ignores(message)) {
      return false;
    }
    switch (message.type) {
      case 'Query':
        this.#endings += 1;
        await this.#query(message, frame);
        state.segment += 1;
        break;
      case 'Parse':
        await this.#parse(message, frame);
        break;
      case 'Bind':
        await this.#bind(message, frame);
        break;
      case 'Execute':
        await this.#execute(message, frame);
        this.#endings += 1;
        break;
      case 'Describe':
        await this.#describe(message, frame);
        break;
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
        await this.#holding.copied();
        break;
      case 'Terminate':
        return true;
      case 'Password':
        throw protocolViolation(`invalid frontend message type ${frame.type}`);
      default:
        message satisfies never;
    }
    return false;
  }

  async #query({ sql }: Query, frame: Frame): Promise<void> {
    const began = this.#context.clock.monotonic();
    const judged = await this.#renewal.judge(sql, 'Query');
    const decided = decisionRecord(this.#outbox.decided('Query'), sql, judged);
    if (judged.decision === 'Deny') {
      this.#outbox.poison('Query', judged.failure, decided, began);
      return;
    }
    const full = severalUncounted(judged.terms) ?? this.#context.admit();
    if (full !== undefined) {
      this.#outbox.poison('Query', full, overruled(decided, full), began);
      return;
    }
    const text = textOf(sql, judged);
    const running = this.#outbox.running(decided, text, began, { rows: 0, bytes: 0 });
    const consequences = consequencesOf(running, { rows: 0, bytes: 0 }, this.#context.state);
    if (!judged.terms.some(mayBeUndone)) {
      const bytes = isAsSent(sql, judged) ? frame.raw : encodeQuery(judged.sent);
      this.#outbox.batch.add({ kind: 'Query', bytes, expectation: this.#outbox.expect('Query', { running, text, consequences }) });
      return;
    }
    running.held = newlyHeld();
    const expectation = this.#outbox.expect('HeldQuery', { running, text, consequences });
    this.#outbox.batch.add({ kind: 'Query', bytes: encodeHeldQuery(judged.sent), expectation });
    await this.#holding.hold(running.held, true);
  }

  async #parse({ name, sql, parameterTypes }: Parse, frame: Frame): Promise<void> {
    const began = this.#context.clock.monotonic();
    const judged = await this.#renewal.judge(sql, 'Parse');
    const decided = decisionRecord(this.#outbox.decided('Parse'), sql, judged);
    if (judged.decision === 'Deny') {
      this.#outbox.poison('Parse', judged.failure, decided, began);
      return;
    }
    this.#outbox.batch.records.push(decided);
    const bytes = isAsSent(sql, judged) ? frame.raw : encodeParse(name, judged.sent, parameterTypes);
    const text = textOf(sql, judged);
    const made = this.#context.state.changeStatement(name, { text, parameterTypes });
    this.#outbox.batch.add({ kind: 'Extended', bytes, expectation: this.#outbox.expect('Parse', { text, consequences: [made] }) });
  }

  async #bind(bind: Bind, frame: Frame): Promise<void> {
    const { state } = this.#context;
    const statement = await this.#renewal.certain(() => state.statements.lookup(bind.statement, state.segment));
    if (statement === undefined) {
      this.#outbox.refuse('Parse', NO_SQL, 'Bind', statementUnknown(bind.statement));
      return;
    }
    const current = await this.#renewal.refresh(bind.statement, statement);
    if (current === undefined) {
      return;
    }
    const masked = current.text.judged?.maskedParameters ?? [];
    const parameters = recordedParameters(bind.parameters, bind.parameterFormats, masked);
    const made = state.changePortal(bind.portal, {
      statement: current,
      parameters,
      size: { rows: 0, bytes: 0 },
      watched: { rows: 0, bytes: 0 },
      declared: false,
      endings: this.#endings,
    });
    this.#outbox.extended('Bind', frame, { text: current.text, consequences: [made] });
  }

  async #describe({ target, name }: DescribeOrClose, frame: Frame): Promise<void> {
    const { state } = this.#context;
    if (target === 'Statement') {
      const statement = await this.#renewal.certain(() => state.statements.lookup(name, state.segment));
      if (statement === undefined) {
        this.#outbox.refuse('Parse', NO_SQL, 'Describe', statementUnknown(name));
        return;
      }
      const current = await this.#renewal.refresh(name, statement);
      if (current !== undefined && effectsOf(current.text).includes('Fetch')) {
        await this.#describeFetch(name, current, frame);
      } else if (current !== undefined) {
        this.#outbox.extended('DescribeStatement', frame, { text: current.text });
      }
      return;
    }
    const portal = await this.#renewal.currentPortal(name, 'Describe');
    if (portal !== undefined && effectsOf(portal.statement.text).includes('Fetch') && portal.endings !== this.#endings) {
      this.#outbox.refuse(
        'Parse',
        portal.statement.text.sql,
        'Describe',
        notUnderstood('Describe of a FETCH that does not follow its Bind'),
      );
    } else if (portal !== undefined) {
      this.#outbox.extended('DescribePortal', frame, { text: portal.statement.text });
    }
  }

  /**
   * INVARIANT: PostgreSQL (14 to 18) crashes when it describes a FETCH whose cursor has gone (`FetchStatementTargetList` of
   * `src/backend/tcop/pquery.c`). A FETCH that is parsed just before has looked the cursor up, and a portal whose cursor may be gone
   * is not described.
   */
  async #describeFetch(name: string, { text, parameterTypes }: Statement, frame: Frame): Promise<void> {
    const judged = await this.#renewal.judgeAgain(text, 'Parse');
    if (judged === undefined) {
      return;
    }
    this.#outbox.batch.records.push(decisionRecord(this.#outbox.decided('Parse'), text.sql, judged));
    const current = { text: textOf(text.sql, judged), parameterTypes };
    this.#renewal.parseAgain(name, current);
    this.#outbox.extended('DescribeStatement', frame, { text: current.text });
  }

  async #execute({ portal: name, maxRows }: Execute, frame: Frame): Promise<void> {
    const began = this.#context.clock.monotonic();
    const portal = await this.#renewal.currentPortal(name, 'Execute');
    if (portal === undefined) {
      return;
    }
    const { text } = portal.statement;
    const decided =
      text.judged === undefined
        ? preparedRecord(this.#outbox.decided('Execute'), text, portal.parameters)
        : decisionRecord(this.#outbox.decided('Execute'), text.sql, text.judged, portal.parameters);
    const full = this.#context.admit();
    if (full !== undefined) {
      this.#outbox.poison('Parse', full, overruled(decided, full), began);
      return;
    }
    const running = this.#outbox.running(decided, text, began, portal.size);
    const consequences = consequencesOf(running, portal.watched, this.#context.state);
    const terms = termsOf(text, 0);
    const held = mayBeUndone(terms);
    // A suspended portal has changed all its rows and has not said how many; and the client is to know of none that are hidden.
    const bytes = maxRows > 0 && (held || terms.hidesResult) ? encodeExecute(name, 0) : frame.raw;
    const expectation = this.#outbox.expect('Execute', { running, text: running.text, consequences });
    this.#outbox.batch.add({ kind: 'Extended', bytes, expectation });
    if (held) {
      running.held = newlyHeld();
      await this.#holding.hold(running.held, false);
    }
  }

  #close({ target, name }: DescribeOrClose, frame: Frame): void {
    const { state } = this.#context;
    const gone = target === 'Statement' ? state.changeStatement(name, undefined) : state.changePortal(name, undefined);
    this.#outbox.extended('Close', frame, { consequences: [gone] });
  }
}

/** INVARIANT: the server gets the judge's text and no other; the agent's frame only where they are the same, byte by byte. */
const isAsSent = (sql: Buffer, { sent }: Allowed): boolean => sql.equals(Buffer.from(sent, 'utf8'));
