import { type Failure, protocolViolation, upstreamProtocolViolation } from '../../kernel/failure.ts';
import type { ResultShape } from '../detect/inspection.ts';
import { BACKEND } from '../wire/message-type.ts';
import type { RunningStatement, StatementText } from './running-statement.ts';

/** Something that becomes true when the server confirms a command, and does not when it fails or is skipped. */
export type Consequence = { readonly confirm: (tag: string) => void; readonly discard: () => void };

/** What was sent, in so far as answers depend on it. `CopyEnd`: CopyDone or CopyFail, which have no answer of their own. */
export type Sent =
  | 'Parse'
  | 'Bind'
  | 'DescribeStatement'
  | 'DescribePortal'
  | 'Execute'
  | 'Close'
  | 'Query'
  /** A Query that went out as messages of the extended protocol: see `held-statement.ts`. */
  | 'HeldQuery'
  | 'Sync'
  | 'CopyEnd';

/** Came as a simple Query, so that ReadyForQuery ends it, whatever went wrong. */
export const isQuery = ({ sent }: Pick<Expectation, 'sent'>): boolean => sent === 'Query' || sent === 'HeldQuery';

/** One message on its way, whose answers are still to come. */
export type Expectation = {
  readonly sent: Sent;
  /** Messages up to a Sync or Query. */
  readonly segment: number;
  /** We sent it, and the client has not: its success is not told. */
  readonly swallow: boolean;
  /** A poisoned statement: this failure is told in place of the server's syntax error. */
  readonly refusal: Failure | undefined;
  /** The text that an error is about. */
  readonly text: StatementText | undefined;
  /** Counted and recorded: a Query or Execute that runs. */
  readonly running: RunningStatement | undefined;
  /** Takes the columns of the portal that is described; undefined: nobody looks into its values. */
  readonly shape: ResultShape | undefined;
  /** One for each command that will be confirmed, in order. */
  readonly consequences: readonly Consequence[];
  /** Of a Query: what comes true with it however it ends. */
  readonly always?: Consequence;
};

/** By the type of an answer. */
type Answers = Uint8Array;
const NOT_AN_ANSWER = 0;
const GOES_ON = 1;
const IS_DONE = 2;

const answers = (goOn: readonly number[], done: readonly number[]): Answers => {
  const all = new Uint8Array(256).fill(NOT_AN_ANSWER);
  for (const type of goOn) all[type] = GOES_ON;
  for (const type of done) all[type] = IS_DONE;
  return all;
};

const B = BACKEND;
const RESULTS = [B.dataRow, B.copyInResponse, B.copyOutResponse, B.copyData, B.copyDone];

/** Which answers each message may have: protocol chapter "Message Flow". */
const ANSWERS: Readonly<Record<Sent, Answers>> = {
  Parse: answers([], [B.parseComplete]),
  Bind: answers([], [B.bindComplete]),
  DescribeStatement: answers([B.parameterDescription], [B.rowDescription, B.noData]),
  DescribePortal: answers([], [B.rowDescription, B.noData]),
  Execute: answers(RESULTS, [B.commandComplete, B.emptyQueryResponse, B.portalSuspended]),
  Close: answers([], [B.closeComplete]),
  Query: answers([...RESULTS, B.rowDescription, B.commandComplete, B.emptyQueryResponse], [B.readyForQuery]),
  HeldQuery: answers(
    [...RESULTS, B.parseComplete, B.bindComplete, B.noData, B.rowDescription, B.commandComplete, B.emptyQueryResponse],
    [B.readyForQuery],
  ),
  Sync: answers([], [B.readyForQuery]),
  CopyEnd: answers([], []),
};

const behindSync = (): Failure => protocolViolation('unexpected message behind a Sync during COPY from stdin');

/** An answer and the message it belongs to. */
export type Answered = { readonly expectation: Expectation; readonly done: boolean };

/**
 * What the server still has to answer, in order. It follows the server's rule that an error in the extended protocol skips
 * everything up to the next Sync. An answer that does not fit throws `Failure`: our idea of the session would differ from the server's.
 */
export class Expectations {
  #entries: Expectation[] = [];
  #first = 0;
  /** The server discards what comes, up to the next Sync. */
  #skipping = false;
  /** What has asked for the data of a COPY, and not said that it has it all. */
  #copyIn: Expectation | undefined;
  /** The head has had an answer that was not its last. */
  #begun = false;
  /**
   * Syncs that the server ignores, for it reads a COPY: libpq sends one with the Execute (`CopyGetData` of `copyfromparse.c`). Where
   * the COPY fails, nobody knows which of them it has come to: each may be answered, or not.
   *
   * INVARIANT: then it is not known either whether the server skips what stands before the next Sync, or runs it: the session ends, or
   * one statement would be taken for another.
   */
  #ignorable = 0;
  /** A COPY has failed, and nobody knows what the server does with what stands behind it. */
  #lost = false;

  /** The server waits for the client's data. */
  get copyIn(): boolean {
    return this.#copyIn !== undefined && this.#copyIn === this.head;
  }

  get size(): number {
    return this.#entries.length - this.#first;
  }

  get head(): Expectation | undefined {
    return this.#entries[this.#first];
  }

  all(): readonly Expectation[] {
    return this.#entries.slice(this.#first);
  }

  /** How many statements the server may have begun without a word of it: it answers a text, or what comes up to a Sync, at once. */
  get unanswered(): number {
    const { head } = this;
    if (head?.sent === 'Query') {
      return Math.max(1, head.text?.judged?.effects.length ?? 1);
    }
    const end = this.#entries.findIndex(({ sent }, index) => index >= this.#first && (sent === 'Sync' || sent === 'Query'));
    const together = this.#entries.slice(this.#first, end < 0 ? undefined : end);
    return Math.max(1, together.filter(({ running }) => running !== undefined).length);
  }

  /** All that was sent before `segment` is answered. */
  settledBefore(segment: number): boolean {
    const head = this.head;
    return head === undefined || head.segment >= segment;
  }

  /** False where the server will skip the message, so that nothing of it comes true. Throws `Failure` where nobody knows. */
  push(expectation: Expectation): boolean {
    this.#checkNotLost();
    if (this.#skipping) {
      if (expectation.sent !== 'Sync') {
        if (this.#ignorable > 0 && expectation.sent !== 'CopyEnd') {
          throw behindSync();
        }
        return false;
      }
      this.#skipping = false;
    }
    if (expectation.sent === 'Sync' && this.copyIn && !this.#entries.some(({ sent }, index) => index > this.#first && sent === 'CopyEnd')) {
      this.#ignorable += 1;
      return true;
    }
    this.#entries.push(expectation);
    this.#dropCopyEnds();
    return true;
  }

  /** Matches any answer but ErrorResponse, and those that may come at any time. */
  answer(type: number): Answered {
    const expectation = this.#expected(type);
    if (type !== BACKEND.readyForQuery && this.#copyIn === undefined) {
      this.#ignorable = 0;
    }
    const kind = ANSWERS[expectation.sent][type];
    if (type === BACKEND.readyForQuery && isQuery(expectation) && !this.#begun) {
      throw this.#unexpected(type);
    }
    if (kind === IS_DONE) {
      if (type === BACKEND.commandComplete) {
        this.#copied();
      }
      this.#shift();
      return { expectation, done: true };
    }
    if (kind !== GOES_ON) {
      throw this.#unexpected(type);
    }
    this.#begun = true;
    if (type === BACKEND.commandComplete) {
      this.#copied();
    }
    if (type === BACKEND.copyInResponse) {
      this.#copyIn = expectation;
      this.#takeSyncsOfCopyIn();
    }
    return { expectation, done: false };
  }

  /** Is a ReadyForQuery that of a Sync which the server might have ignored? Where so, it is taken for answered. */
  readyBeyond(): boolean {
    this.#checkNotLost();
    const { head } = this;
    const isFitting = head?.sent === 'Sync' || (head !== undefined && isQuery(head) && this.#begun);
    if (isFitting || this.#ignorable === 0 || this.#copyIn !== undefined) {
      return false;
    }
    this.#ignorable -= 1;
    this.#skipping = false;
    return true;
  }

  /** Matches an ErrorResponse that is not fatal: the message that failed, and those that the server skips for it. */
  fail(): { readonly failed: Expectation; readonly skipped: readonly Expectation[] } {
    const failed = this.#expected(BACKEND.errorResponse);
    const copied = this.#copyIn !== undefined;
    this.#ignorable = copied ? this.#ignorable : 0;
    this.#copyIn = undefined;
    this.#begun = isQuery(failed);
    if (isQuery(failed) || failed.sent === 'Sync') {
      return { failed, skipped: [] };
    }
    const pending = this.#entries.slice(this.#first + 1);
    const sync = pending.findIndex(({ sent }) => sent === 'Sync');
    if (this.#ignorable > 0 && pending.slice(0, sync < 0 ? undefined : sync).some(({ sent }) => sent !== 'CopyEnd')) {
      // The server may have an end of its own to tell, which is let through.
      this.#lost = true;
      this.#first += 1;
      return { failed, skipped: [] };
    }
    this.#skipping = sync < 0;
    this.#entries = sync < 0 ? [] : pending.slice(sync);
    this.#first = 0;
    return { failed, skipped: sync < 0 ? pending : pending.slice(0, sync) };
  }

  #checkNotLost(): void {
    if (this.#lost) {
      throw behindSync();
    }
  }

  #expected(type: number): Expectation {
    this.#checkNotLost();
    const head = this.head;
    if (head === undefined) {
      throw this.#unexpected(type);
    }
    return head;
  }

  #unexpected(type: number): Failure {
    const waiting = this.head === undefined ? 'nothing was asked' : `the answer to ${this.head.sent} was expected`;
    return upstreamProtocolViolation(`A message of type "${String.fromCharCode(type)}" came where ${waiting}.`);
  }

  #shift(): void {
    this.#first += 1;
    this.#begun = false;
    this.#dropCopyEnds();
    // What is answered is let go at once: kept until there is much of it, it would outlive its youth, and cost many times as much.
    if (this.#first === this.#entries.length) {
      this.#entries.length = 0;
      this.#first = 0;
    } else if (this.#first > 64 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }

  #dropCopyEnds(): void {
    while (this.head?.sent === 'CopyEnd') {
      this.#first += 1;
    }
  }

  /** Those sent before it was known that a COPY reads them. */
  #takeSyncsOfCopyIn(): void {
    const pending = this.#entries.slice(this.#first + 1);
    const end = pending.findIndex(({ sent }) => sent === 'CopyEnd');
    const during = end < 0 ? pending : pending.slice(0, end);
    const after = end < 0 ? [] : pending.slice(end);
    const others = during.filter(({ sent }) => sent !== 'Sync');
    this.#ignorable += during.length - others.length;
    this.#entries = [this.#entries[this.#first] as Expectation, ...others, ...after];
    this.#first = 0;
  }

  /** A COPY has read all up to its CopyDone. */
  #copied(): void {
    if (this.#copyIn === undefined) {
      return;
    }
    this.#copyIn = undefined;
    this.#ignorable = 0;
    const end = this.#entries.findIndex(({ sent }, index) => index > this.#first && sent === 'CopyEnd');
    if (end >= 0) {
      this.#entries.splice(end, 1);
    }
  }
}
