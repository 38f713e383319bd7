import type { AuditReceipt, AuditRecord } from '../../kernel/audit-record.ts';
import type { Failure } from '../../kernel/failure.ts';
import type { SessionAudit } from './dependencies.ts';

/** Completions that no statement follows are written after this many milliseconds. */
const COMPLETION_DELAY = 50;

/** The session's records on their way to the store. Completions ride with the next decision, or go by themselves a little later. */
export class AuditTrail {
  /** The newest: good for what carries no statement. */
  receipt: AuditReceipt;
  readonly #audit: SessionAudit;
  readonly #failureOf: (error: unknown) => Failure;
  #completions: AuditRecord[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** `receipt`: of the record that the session started. */
  constructor(audit: SessionAudit, receipt: AuditReceipt, failureOf: (error: unknown) => Failure) {
    this.#audit = audit;
    this.receipt = receipt;
    this.#failureOf = failureOf;
  }

  /** How many records wait. */
  get waiting(): number {
    return this.#completions.length;
  }

  complete(record: AuditRecord): void {
    this.#completions.push(record);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#completions.length > 0) {
        void this.write([]);
      }
    }, COMPLETION_DELAY);
  }

  /** Resolves when the records are durable, or with the failure why they are not: then none of those given was kept. */
  write(records: readonly AuditRecord[]): Promise<Failure | undefined> {
    const completions = this.#completions;
    this.#completions = [];
    return this.#audit.append(completions.concat(records)).then(
      (receipt) => {
        this.receipt = receipt;
        return undefined;
      },
      (error: unknown) => {
        // What has happened has to be told once the store can be written again.
        this.#completions = [...completions, ...this.#completions];
        return this.#failureOf(error);
      },
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
