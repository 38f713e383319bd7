import type { Failure } from '../../kernel/failure.ts';
import type { Limits } from '../../kernel/policy.ts';
import type { Watch } from '../policy/judgement.ts';
import { Span } from '../wire/span.ts';
import type { ClientOutput } from './client-output.ts';
import { inspectRows, type Rows } from './detection.ts';
import type { Expectation } from './expectations.ts';
import { termsOf } from './hidden-result.ts';
import { type ResultSize, resultLimitReached } from './result-limit.ts';
import type { RunningStatement } from './running-statement.ts';
import { countReturned, meet } from './watches.ts';

/** What delivering rows needs of its session. */
export type RowDeliveryContext = {
  readonly output: ClientOutput;
  readonly limits: () => Limits;
  /** Cancels what runs. */
  readonly stop: () => void;
};

/** What rules count of the command, and how far they have come. */
type Watched = { readonly watches: readonly Watch[]; readonly watched: ResultSize | undefined };

/** Passes rows on to the client, as far as limits, rules and detectors let them. */
export class RowDelivery {
  readonly #context: RowDeliveryContext;
  /** What is stopped as soon as it returns another row. */
  #stopping: { readonly running: RunningStatement; readonly failure: Failure } | undefined;
  /** Of a statement that was stopped, the client has the beginning of a row. */
  #rowBegun = false;
  /** The client has got what came last. */
  #passed = false;

  constructor(context: RowDeliveryContext) {
    this.#context = context;
  }

  /** Where a row has not come to its end, the client has the beginning of it. */
  get partsPass(): boolean {
    return this.#passed || this.#rowBegun;
  }

  /** What the statement returns from now on is thrown away. */
  stop(running: RunningStatement | undefined, failure: Failure): void {
    this.#stopping = running === undefined ? undefined : { running, failure };
  }

  /** Rows that answer a message, of whose commands so many are `confirmed`. */
  take({ running, text }: Expectation, confirmed: number, rows: Rows): void {
    const { output, stop } = this.#context;
    if (running === undefined) {
      this.#passed = true;
      output.add(rows.raw);
      return;
    }
    this.#passed = false;
    const { hidesResult, watches } = termsOf(text, confirmed);
    if (hidesResult) {
      return;
    }
    const watched = running.watched[confirmed];
    if (running.inspection === undefined) {
      this.#deliver(running, { watches, watched }, rows);
      this.#passed = running.stopped === undefined;
      return;
    }
    // The client never has a part of a row that is looked into.
    const deliver = (whole: Span, count: number): void =>
      this.#deliver(running, { watches, watched }, { raw: whole, rows: count, begun: 0 });
    inspectRows(running, running.inspection, rows.raw, { deliver, stop });
  }

  #deliver(running: RunningStatement, { watches, watched }: Watched, { raw, rows, begun }: Rows): void {
    const { output, limits, stop } = this.#context;
    if (running.stopped === undefined && running === this.#stopping?.running) {
      running.stopped = this.#stopping.failure;
      this.#rowBegun = true;
    }
    if (running.stopped === undefined) {
      running.size.rows += rows;
      running.size.bytes += raw.length;
      running.stopped = resultLimitReached(running.size, limits());
      if (watched !== undefined) {
        meet(running, countReturned(watches, watched, rows, raw.length));
      }
      if (running.stopped === undefined) {
        running.rows += rows;
        running.bytes += raw.length;
        output.add(raw);
        return;
      }
      this.#rowBegun = true;
      stop();
    }
    // The row that the client has begun to read must end, or it would take our error for a part of it.
    if (this.#rowBegun) {
      output.add(new Span(raw.buffer, raw.start, raw.start + begun));
      this.#rowBegun = begun === raw.length && rows === 0;
    }
  }
}
