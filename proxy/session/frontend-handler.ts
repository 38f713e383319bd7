import type { Clock } from '../../kernel/clock.ts';
import type { AuditSession, StatementDecided } from '../../kernel/audit-record.ts';
import { type Failure, notUnderstood, portalUnknown, protocolViolation, staleStatement, statementUnknown } from '../../kernel/failure.ts';
import type { Allowed, Judge, Judged } from '../policy/judgement.ts';
import { encodeControl } from '../upstream/control-message.ts';
import type { Bind } from '../wire/bind.ts';
import type { Frame } from '../wire/client-frames.ts';
import { type DescribeOrClose, encodeClose } from '../wire/describe-close.ts';
import type { Execute } from '../wire/execute.ts';
import { decodeFrontend } from '../wire/frontend-message.ts';
import { encodeParse, type Parse } from '../wire/parse.ts';
import { encodeQuery, type Query } from '../wire/query.ts';
import { Batch } from './batch.ts';
import type { Consequence, Expectation, Sent } from './expectations.ts';
import type { NameLookup } from './name-registry.ts';
import {
  decisionRecord,
  overruled,
  preparedRecord,
  type RunningStatement,
  recordedParameters,
  refusalRecord,
  type StatementText,
  textOf,
} from './running-statement.ts';
import type { ResultSize } from './result-limit.ts';
import type { Portal, ServerState, Statement } from './session-state.ts';

/** What the handler needs of its session. */
export type FrontendContext = {
  readonly session: AuditSession;
  readonly judge: Judge;
  readonly state: ServerState;
  readonly clock: Clock;
  /** Sends what the batch holds, and resolves when everything before the segment at hand is answered. */
  readonly settle: () => Promise<void>;
  readonly admit: () => Failure | undefined;
  /** Told of each refusal: nothing of it will be answered by a completion. */
  readonly refused: (decided: StatementDecided, decisionMs: number) => void;
};

const POISON_QUERY = encodeControl({ type: 'PoisonQuery' });
const POISON_PARSE = encodeControl({ type: 'PoisonParse' });

const NO_SQL = Buffer.alloc(0);

/**
 * Turns the client's messages into what the server gets: the one place where a message is let through.
 * A refused one becomes a poisoned one, which fails at the server in just the way the client has to see.
 */
export class FrontendHandler {
  /** What has been let through and is to be sent. */
  batch = new Batch();
  readonly #context: FrontendContext;
  #statements = 0;
  /** Messages so far that may have ended a cursor. */
  #endings = 0;

  constructor(context: FrontendContext) {
    this.#context = context;
  }

  /** The batch so far; a new one begins. */
  takeBatch(): Batch {
    const taken = this.batch;
    this.batch = new Batch();
    return taken;
  }

  /** True: the client says goodbye. Throws `Failure` for what ends the session. */
  async handle(frame: Frame): Promise<boolean> {
    const message = decodeFrontend(frame);
    const { state } = this.#context;
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
        this.#refuse('Query', NO_SQL, 'FunctionCall', notUnderstood('the function-call message'));
        state.segment += 1;
        break;
      case 'Sync':
        this.batch.add({ kind: 'Sync', bytes: frame.raw, expectation: this.#expect('Sync') });
        state.segment += 1;
        break;
      case 'Flush':
        this.batch.add({ kind: 'Flush', bytes: frame.raw, expectation: undefined });
        break;
      // Outside of COPY the server ignores these, so there is nothing to tell apart.
      case 'CopyData':
        this.batch.add({ kind: 'Copy', bytes: frame.raw, expectation: undefined });
        break;
      case 'CopyDone':
      case 'CopyFail':
        this.batch.add({ kind: 'Copy', bytes: frame.raw, expectation: this.#expect('CopyEnd') });
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
    const judged = await this.#judge(sql, 'Query');
    const decided = decisionRecord(this.#decided('Query'), sql, judged);
    if (judged.decision === 'Deny') {
      this.#poison('Query', judged.failure, decided, began);
      return;
    }
    const full = this.#context.admit();
    if (full !== undefined) {
      this.#poison('Query', full, overruled(decided, full), began);
      return;
    }
    const text = textOf(sql, judged);
    const running = this.#running(decided, text, began, { rows: 0, bytes: 0 });
    const bytes = isAsSent(sql, judged) ? frame.raw : encodeQuery(judged.sent);
    const consequences = judged.effects.map((effect) => this.#context.state.effect(effect, text.sql));
    this.batch.add({ kind: 'Query', bytes, expectation: this.#expect('Query', { running, text: running.text, consequences }) });
  }

  async #parse({ name, sql, parameterTypes }: Parse, frame: Frame): Promise<void> {
    const began = this.#context.clock.monotonic();
    const judged = await this.#judge(sql, 'Parse');
    const decided = decisionRecord(this.#decided('Parse'), sql, judged);
    if (judged.decision === 'Deny') {
      this.#poison('Parse', judged.failure, decided, began);
      return;
    }
    this.batch.records.push(decided);
    const bytes = isAsSent(sql, judged) ? frame.raw : encodeParse(name, judged.sent, parameterTypes);
    const text = textOf(sql, judged);
    const made = this.#context.state.changeStatement(name, { text, parameterTypes });
    this.batch.add({ kind: 'Extended', bytes, expectation: this.#expect('Parse', { text, consequences: [made] }) });
  }

  async #bind(bind: Bind, frame: Frame): Promise<void> {
    const { state } = this.#context;
    const statement = await this.#certain(() => state.statements.lookup(bind.statement, state.segment));
    if (statement === undefined) {
      this.#refuse('Parse', NO_SQL, 'Bind', statementUnknown(bind.statement));
      return;
    }
    const current = await this.#refresh(bind.statement, statement);
    if (current === undefined) {
      return;
    }
    const masked = current.text.judged?.maskedParameters ?? [];
    const parameters = recordedParameters(bind.parameters, bind.parameterFormats, masked);
    const made = state.changePortal(bind.portal, {
      statement: current,
      parameters,
      size: { rows: 0, bytes: 0 },
      declared: false,
      endings: this.#endings,
    });
    this.#extended('Bind', frame, { text: current.text, consequences: [made] });
  }

  async #describe({ target, name }: DescribeOrClose, frame: Frame): Promise<void> {
    const { state } = this.#context;
    if (target === 'Statement') {
      const statement = await this.#certain(() => state.statements.lookup(name, state.segment));
      if (statement === undefined) {
        this.#refuse('Parse', NO_SQL, 'Describe', statementUnknown(name));
        return;
      }
      const current = await this.#refresh(name, statement);
      if (current !== undefined && effectsOf(current.text).includes('Fetch')) {
        await this.#describeFetch(name, current, frame);
      } else if (current !== undefined) {
        this.#extended('DescribeStatement', frame, { text: current.text });
      }
      return;
    }
    const portal = await this.#currentPortal(name, 'Describe');
    if (portal !== undefined && effectsOf(portal.statement.text).includes('Fetch') && portal.endings !== this.#endings) {
      this.#refuse('Parse', portal.statement.text.sql, 'Describe', notUnderstood('Describe of a FETCH that does not follow its Bind'));
    } else if (portal !== undefined) {
      this.#extended('DescribePortal', frame, { text: portal.statement.text });
    }
  }

  /**
   * INVARIANT: PostgreSQL (14 to 18) crashes when it describes a FETCH whose cursor has gone (`FetchStatementTargetList` of
   * `src/backend/tcop/pquery.c`). A FETCH that is parsed just before has looked the cursor up, and a portal whose cursor may be gone
   * is not described.
   */
  async #describeFetch(name: string, { text, parameterTypes }: Statement, frame: Frame): Promise<void> {
    const judged = await this.#judgeAgain(text, 'Parse');
    if (judged === undefined) {
      return;
    }
    this.batch.records.push(decisionRecord(this.#decided('Parse'), text.sql, judged));
    const current = { text: textOf(text.sql, judged), parameterTypes };
    this.#parseAgain(name, current);
    this.#extended('DescribeStatement', frame, { text: current.text });
  }

  async #execute({ portal: name }: Execute, frame: Frame): Promise<void> {
    const began = this.#context.clock.monotonic();
    const portal = await this.#currentPortal(name, 'Execute');
    if (portal === undefined) {
      return;
    }
    const { text } = portal.statement;
    const decided =
      text.judged === undefined
        ? preparedRecord(this.#decided('Execute'), text, portal.parameters)
        : decisionRecord(this.#decided('Execute'), text.sql, text.judged, portal.parameters);
    const full = this.#context.admit();
    if (full !== undefined) {
      this.#poison('Parse', full, overruled(decided, full), began);
      return;
    }
    const running = this.#running(decided, text, began, portal.size);
    const consequences = (text.judged?.effects ?? []).map((effect) => this.#context.state.effect(effect, text.sql));
    this.#extended('Execute', frame, { running, text: running.text, consequences });
  }

  #close({ target, name }: DescribeOrClose, frame: Frame): void {
    const { state } = this.#context;
    const gone = target === 'Statement' ? state.changeStatement(name, undefined) : state.changePortal(name, undefined);
    this.#extended('Close', frame, { consequences: [gone] });
  }

  /** A judgement from nothing but what is certain: where the judge looked at more, it judges again once that is settled. */
  async #judge(sql: Buffer, via: 'Query' | 'Parse'): Promise<Judged> {
    const { judge, state, settle } = this.#context;
    const probe = state.probe();
    const judged = await judge.judge(sql, via, probe.state);
    if (!probe.uncertain()) {
      return judged;
    }
    await settle();
    return judge.judge(sql, via, state.probe().state);
  }

  /** Judges once more what has been let through before. Undefined: it was refused. */
  async #judgeAgain(text: StatementText, via: StatementDecided['via']): Promise<Allowed | undefined> {
    const began = this.#context.clock.monotonic();
    const judged = await this.#judge(text.sql, 'Parse');
    if (judged.decision !== 'Deny') {
      return judged;
    }
    this.#poison('Parse', judged.failure, decisionRecord(this.#decided(via), text.sql, judged), began);
    return undefined;
  }

  async #certain<T>(lookup: () => NameLookup<T>): Promise<T | undefined> {
    const found = lookup();
    if (found.type === 'Certain') {
      return found.value;
    }
    await this.#context.settle();
    return lookup().value;
  }

  /** INVARIANT: what was judged under another revision is judged again before it is used. Undefined: it was refused. */
  async #refresh(name: string, statement: Statement): Promise<Statement | undefined> {
    const { judge } = this.#context;
    const { text, parameterTypes } = statement;
    if (text.prepared.revision === judge.revision()) {
      return statement;
    }
    const what = name === '' ? 'the unnamed prepared statement' : `prepared statement "${name}"`;
    if (text.judged === undefined || parameterTypes === undefined) {
      this.#refuse('Parse', text.sql, 'Bind', staleStatement(what));
      return undefined;
    }
    const judged = await this.#judgeAgain(text, 'Parse');
    if (judged === undefined) {
      return undefined;
    }
    this.batch.records.push(decisionRecord(this.#decided('Parse'), text.sql, judged));
    if (judged.sent === text.judged.sent) {
      // The server has this very text already: only what we know of it is renewed.
      statement.text = textOf(text.sql, judged);
      return statement;
    }
    const current: Statement = { text: textOf(text.sql, judged), parameterTypes };
    this.#parseAgain(name, current);
    return current;
  }

  /** Has the server parse what is known under this name, without a word to the client. */
  #parseAgain(name: string, statement: Statement): void {
    const { state } = this.#context;
    const { text, parameterTypes } = statement;
    const gone = state.changeStatement(name, undefined);
    const close = encodeClose('Statement', name);
    this.batch.add({ kind: 'Extended', bytes: close, expectation: this.#expect('Close', { swallow: true, consequences: [gone] }) });
    const bytes = encodeParse(name, text.judged?.sent ?? '', parameterTypes ?? []);
    const made = state.changeStatement(name, statement);
    this.batch.add({ kind: 'Extended', bytes, expectation: this.#expect('Parse', { swallow: true, text, consequences: [made] }) });
  }

  /** The portal if it may go on: one whose text would be another today is refused. Undefined: it was refused. */
  async #currentPortal(name: string, kind: 'Describe' | 'Execute'): Promise<Portal | undefined> {
    const { judge, state } = this.#context;
    const portal = await this.#certain(() => state.portals.lookup(name, state.segment));
    if (portal === undefined) {
      this.#refuse('Parse', NO_SQL, kind, portalUnknown(name));
      return undefined;
    }
    const { text } = portal.statement;
    // INVARIANT: what a text runs by name (EXECUTE, FETCH) may be another one by now, so that it is judged again.
    const byName = kind === 'Execute' && effectsOf(text).some((type) => type === 'Execute' || type === 'Fetch');
    if (text.prepared.revision === judge.revision() && !byName) {
      return portal;
    }
    const called = name === '' ? 'the unnamed portal' : `portal "${name}"`;
    const stale = (): void => this.#refuse('Parse', text.sql, kind, staleStatement(called));
    if (text.judged === undefined) {
      stale();
      return undefined;
    }
    const judged = await this.#judgeAgain(text, 'Execute');
    if (judged === undefined) {
      return undefined;
    }
    if (judged.sent !== text.judged.sent) {
      stale();
      return undefined;
    }
    portal.statement.text = textOf(text.sql, judged);
    return portal;
  }

  #refuse(sent: 'Query' | 'Parse', sql: Buffer, kind: string, failure: Failure): void {
    const refusal = { kind, failure, sql, revision: this.#context.judge.revision() };
    const decided = refusalRecord(this.#decided('Other'), refusal);
    this.#poison(sent, failure, decided, this.#context.clock.monotonic());
  }

  #poison(sent: 'Query' | 'Parse', refusal: Failure, decided: StatementDecided, began: number): void {
    this.batch.records.push(decided);
    this.#context.refused(decided, this.#since(began));
    if (sent === 'Query') {
      this.batch.add({ kind: 'Query', bytes: POISON_QUERY, expectation: this.#expect('Query', { refusal }) });
    } else {
      this.batch.add({ kind: 'Extended', bytes: POISON_PARSE, expectation: this.#expect('Parse', { refusal }) });
    }
  }

  #extended(sent: Sent, frame: Frame, expected: Partial<Expectation>): void {
    this.batch.add({ kind: 'Extended', bytes: frame.raw, expectation: this.#expect(sent, expected) });
  }

  #expect(sent: Sent, expected: Partial<Expectation> = {}): Expectation {
    const nothing = { swallow: false, refusal: undefined, text: undefined, running: undefined };
    return { sent, segment: this.#context.state.segment, ...nothing, consequences: [] as readonly Consequence[], ...expected };
  }

  #decided(via: StatementDecided['via']): { session: AuditSession; statement: number; via: StatementDecided['via'] } {
    this.#statements += 1;
    return { session: this.#context.session, statement: this.#statements, via };
  }

  #running(decided: StatementDecided, text: StatementText, began: number, size: ResultSize): RunningStatement {
    this.batch.records.push(decided);
    return { ...UNSTARTED, text, decided, decisionMs: this.#since(began), size };
  }

  #since(began: number): number {
    return Math.max(0, this.#context.clock.monotonic() - began);
  }
}

/** INVARIANT: the server gets the judge's text and no other; the agent's frame only where they are the same, byte by byte. */
const isAsSent = (sql: Buffer, { sent }: Allowed): boolean => sql.equals(Buffer.from(sent, 'utf8'));

const effectsOf = ({ judged }: StatementText): readonly string[] => judged?.effects.map(({ type }) => type) ?? [];

const UNSTARTED = { startedAt: 0, rows: 0, bytes: 0, sqlstate: undefined, serverMessage: undefined, stopped: undefined };
