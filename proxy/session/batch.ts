import type { AuditReceipt, AuditRecord, StatementDecided } from '../../kernel/audit-record.ts';
import type { Failure } from '../../kernel/failure.ts';
import { type Span, SpanQueue } from '../wire/span.ts';
import type { SessionUpstream } from './dependencies.ts';
import type { Consequence, Expectation, Expectations } from './expectations.ts';
import { weightOfParameters } from './running-statement.ts';

/** One message for the server. */
export type BatchItem = {
  readonly bytes: Span;
  /** `Copy`: data of a statement that is under way; it belongs to that statement's record. */
  readonly kind: 'Query' | 'Extended' | 'Sync' | 'Flush' | 'Copy';
  /** Undefined for what is never answered. */
  readonly expectation: Expectation | undefined;
};

/** About what a message takes besides its bytes, until it is answered. */
const ITEM_OVERHEAD = 256;

/** What one read of the client's socket came to: messages for the server, and the records that have to be durable before. */
export class Batch {
  items: BatchItem[] = [];
  records: AuditRecord[] = [];
  /** About what it takes, its records too: an Execute of ten bytes may have a record of megabytes. */
  bytes = 0;

  add(item: BatchItem): void {
    this.items.push(item);
    this.bytes += item.bytes.length + ITEM_OVERHEAD;
  }

  record(decided: StatementDecided): void {
    this.records.push(decided);
    this.bytes += decided.sql.length + (decided.sent?.length ?? 0) + weightOfParameters(decided.parameters ?? []);
  }
}

/** Forwards a batch whose records are durable; false: the server is slow. */
export const forward = (batch: Batch, receipt: AuditReceipt, upstream: SessionUpstream, expect: (item: BatchItem) => void): boolean => {
  if (batch.items.length === 0) {
    return true;
  }
  // Expectations come first: an answer must never meet a queue that does not know of it.
  const spans = new SpanQueue();
  for (const item of batch.items) {
    expect(item);
    spans.add(item.bytes);
  }
  const { length } = spans;
  const pieces = spans.take();
  const [only] = pieces;
  return upstream.send(receipt, pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces, length));
};

/** What refusing a batch needs; `standing`: a receipt of the session, for what belongs to a statement that has its record. */
export type RefusalPath = {
  readonly upstream: SessionUpstream;
  readonly standing: AuditReceipt;
  readonly expectations: Expectations;
};

/**
 * Takes the place of `forward` where the records could not be written: nothing of the agent's reaches the server, and each
 * statement fails with `failure` just as one that the server refuses, so that transaction and pipeline are in the state that the
 * client expects. Copy data goes on: its statement has its record, and it would otherwise be stored with a hole.
 */
export const refuseBatch = (batch: Batch, failure: Failure, to: RefusalPath): void => {
  const { upstream, standing, expectations } = to;
  let skipping = false;
  const poison = (sent: 'Query' | 'Parse', segment: number, always?: Consequence): Expectation => ({
    sent,
    segment,
    ...(always && { always }),
    swallow: false,
    refusal: failure,
    text: undefined,
    running: undefined,
    shape: undefined,
    consequences: [],
  });
  for (const { kind, bytes, expectation } of batch.items) {
    for (const consequence of kind === 'Sync' || kind === 'Copy' ? [] : (expectation?.consequences ?? [])) {
      consequence.discard();
    }
    const segment = expectation?.segment ?? 0;
    switch (kind) {
      case 'Query':
        expectations.push(poison('Query', segment, expectation?.always));
        upstream.sendControl({ type: 'PoisonQuery' });
        break;
      case 'Extended':
        if (!skipping) {
          expectations.push(poison('Parse', segment));
          upstream.sendControl({ type: 'PoisonParse' });
          skipping = true;
        }
        break;
      case 'Sync':
        if (expectation !== undefined) {
          expectations.push(expectation);
        }
        upstream.sendControl({ type: 'Sync' });
        skipping = false;
        break;
      case 'Flush':
        upstream.sendControl({ type: 'Flush' });
        break;
      case 'Copy':
        if (expectation !== undefined) {
          expectations.push(expectation);
        }
        upstream.send(standing, bytes.view());
        break;
      default:
        kind satisfies never;
    }
  }
};
