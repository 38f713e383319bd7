import type { Clock } from '../../kernel/clock.ts';
import type { Failure } from '../../kernel/failure.ts';
import { sessionTooBig } from '../../kernel/limit-failure.ts';
import type { AuditTrail } from './audit-trail.ts';
import { type Batch, type BatchItem, forward, refuseBatch } from './batch.ts';
import type { SessionUpstream } from './dependencies.ts';
import type { Expectation, Expectations } from './expectations.ts';
import type { Outbox } from './outbox.ts';
import type { Outcome } from './outcome.ts';
import { outcomeOf, overruled } from './running-statement.ts';
import type { ServerWait } from './server-wait.ts';
import type { Known } from './when-known.ts';

const NOTHING_UNSENT: readonly BatchItem[] = [];

/** What forwarding needs of its session. */
export type ForwardingContext = {
  readonly upstream: SessionUpstream;
  readonly outbox: Outbox;
  readonly trail: AuditTrail;
  readonly expectations: Expectations;
  readonly wait: ServerWait;
  readonly clock: Clock;
  readonly observe: (outcome: Outcome) => void;
  /** A cancel request on its way: what is forwarded now could be hit by it. */
  readonly cancelling: () => Promise<void> | undefined;
  /** The server has something to do. */
  readonly begun: () => void;
  /** To be called when something waits for the server. Throws `Failure` where that is too much. */
  readonly waits: () => void;
  /** The server passes over a message. */
  readonly skip: (expectation: Expectation) => void;
};

/** When so much was forwarded and not answered, the server has to answer first. */
const IN_FLIGHT_BYTES = 8 * 1024 * 1024;

/** What a client may send behind a COPY that waits for its data. */
const IN_FLIGHT_MESSAGES = 10_000;

/** Takes what was let through to the server, once its records are durable. */
export class Forwarding {
  /** Read and not sent yet: lost if the session ends now. */
  unsent: readonly BatchItem[] = NOTHING_UNSENT;
  readonly #context: ForwardingContext;
  #full = false;
  /** About what was forwarded since all was answered. */
  #inFlight = 0;

  constructor(context: ForwardingContext) {
    this.#context = context;
  }

  /** The server takes more. */
  drained(): void {
    this.#full = false;
  }

  /** Records what the batch holds, then forwards it. INVARIANT: nothing is sent before its record is durable. */
  flush(): Known<void> {
    const { outbox, trail } = this.#context;
    const { items, records } = outbox.batch;
    if (items.length === 0 && records.length === 0) {
      return undefined;
    }
    const batch = outbox.takeBatch();
    this.unsent = items;
    return records.length === 0 ? this.#pass(batch, undefined) : trail.write(records).then((failure) => this.#pass(batch, failure));
  }

  #pass(batch: Batch, failure: Failure | undefined): Known<void> {
    if (failure !== undefined) {
      this.unsent = NOTHING_UNSENT;
      this.#observeUnrecorded(batch, failure);
    }
    const cancel = this.#context.cancelling();
    return cancel === undefined ? this.#send(batch, failure) : cancel.then(() => this.#send(batch, failure));
  }

  #send(batch: Batch, failure: Failure | undefined): Known<void> {
    const { upstream, trail, expectations, wait, begun } = this.#context;
    wait.check();
    this.#inFlight = expectations.size === 0 ? batch.bytes : this.#inFlight + batch.bytes;
    if (failure === undefined) {
      this.#full = !forward(batch, trail.receipt, upstream, (item) => this.#expect(item));
    } else {
      refuseBatch(batch, failure, { upstream, standing: trail.receipt, expectations });
      begun();
    }
    this.unsent = NOTHING_UNSENT;
    return this.#full || this.#inFlight >= IN_FLIGHT_BYTES ? this.#catchUp() : undefined;
  }

  /** Lets the server read, and answer, before more is sent: what is on its way has to be remembered. */
  async #catchUp(): Promise<void> {
    const { upstream, expectations, wait, waits } = this.#context;
    if (this.#full) {
      waits();
      await wait.until(() => !this.#full);
    }
    if (this.#inFlight < IN_FLIGHT_BYTES) {
      return;
    }
    // Up to a Sync it may keep its answers to itself.
    upstream.sendControl({ type: 'Flush' });
    await wait.until(() => expectations.size === 0 || expectations.copyIn);
    this.#inFlight = 0;
    if (expectations.size > IN_FLIGHT_MESSAGES) {
      throw sessionTooBig(IN_FLIGHT_BYTES);
    }
  }

  #observeUnrecorded({ records }: Batch, failure: Failure): void {
    for (const record of records) {
      if (record.type === 'decision' && record.decision !== 'Deny') {
        this.#context.observe(outcomeOf(overruled(record, failure), undefined, 0));
      }
    }
  }

  #expect({ expectation }: Batch['items'][number]): void {
    const { expectations, clock, begun, skip } = this.#context;
    if (expectation === undefined) {
      return;
    }
    if (expectation.running !== undefined) {
      expectation.running.startedAt = clock.monotonic();
    }
    if (!expectations.push(expectation)) {
      skip(expectation);
    } else if (expectations.size === 1) {
      // Before it is sent: the server's time must not begin before ours.
      begun();
    }
  }
}
