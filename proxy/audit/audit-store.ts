/**
 * The durable audit record. Things start here: `append` resolves when the records are safe, and its receipt is what
 * `upstream` asks for before it forwards anything.
 *
 * Group commit: what arrives in one turn of the event loop, or while a sync is under way, is written at once, with a single sync. Callers wait for their
 * receipts, and that is the backpressure; beyond `waitingAppends` of them the store refuses.
 */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ChainPoint } from '../../kernel/audit-chain.ts';
import type { AuditReceipt, AuditRecord } from '../../kernel/audit-record.ts';
import type { Clock } from '../../kernel/clock.ts';
import { auditUnavailable, because, Failure } from '../../kernel/failure.ts';
import { AuditSpace } from './audit-space.ts';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { findChainEnd, syncDirectory } from './open-segment.ts';
import { type PreparedRecord, SegmentWriter } from './segment-writer.ts';

/** Told of each group that was written, and of each failure with the appends that it refused. */
export type AuditObserver = {
  readonly committed?: (batch: { readonly records: number; readonly milliseconds: number }) => void;
  readonly failed?: (error: unknown, refused: number) => void;
};

export type AuditStoreOptions = {
  readonly directory: string;
  /**
   * `Fsync`: safe when the machine dies. `Write`: handed to the operating system, safe when only the process dies.
   * Asked at each write: manifests change while the process lives.
   */
  readonly durability: () => 'Fsync' | 'Write';
  readonly clock: Clock;
  /** A segment is closed before it would grow beyond this; a larger record gets a segment of its own. 64 MiB. */
  readonly segmentBytes?: number;
  /** Largest record, as JSON: a statement of 16 MiB of control characters fits twice. 256 MiB. */
  readonly recordBytes?: number;
  /** Appends that may wait; 10,000. */
  readonly waitingAppends?: number;
  /** Bytes that the directory may hold: see `AuditSpace`. Undefined: as many as the disk has. */
  readonly limitBytes?: number | undefined;
  /** How long a segment that was moved away may go on being written; 100. One that was removed, or replaced, is noticed at once. */
  readonly nameMilliseconds?: number;
  /** How often a store that failed tries to write again by itself; 1,000. */
  readonly probeMilliseconds?: number;
  readonly observer?: AuditObserver;
};

export type AuditStore = {
  /** Resolves when the records are durable, all or none of them, in this order. Rejects with the Failure `audit-unavailable`. */
  readonly append: (records: readonly AuditRecord[]) => Promise<AuditReceipt>;
  /** Milliseconds for which the oldest record that is not yet durable has been waiting; 0 where none is. */
  readonly lag: () => number;
  readonly health: () => { readonly ready: boolean; readonly detail: string };
  /** Writes what waits, makes it durable, and lets others write to the directory. */
  readonly close: () => Promise<void>;
};

type Waiting = {
  readonly records: readonly AuditRecord[];
  readonly time: string;
  readonly since: number;
  readonly resolve: (receipt: AuditReceipt) => void;
  readonly reject: (failure: Failure) => void;
};

/** An append that goes into a group, and how many lines it comes to. */
type Accepted = { readonly waiting: Waiting; readonly count: number };

const MEBIBYTE = 1024 * 1024;
/** A group is written when it has grown to this, so that memory stays bounded. */
const GROUP_CHARACTERS = 4 * MEBIBYTE;

/** The agent reads this detail: the error's code tells it nothing of paths. */
const unavailable = (error: unknown): Failure => {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  return because(auditUnavailable(`The audit store could not be written${code}.`), error);
};

class Store implements AuditStore {
  readonly #options: AuditStoreOptions;
  readonly #writer: SegmentWriter;
  readonly #lock: DirectoryLock;
  readonly #space: AuditSpace;
  #waiting: Waiting[] = [];
  #group: readonly Waiting[] = [];
  /** Something is being written, or will be at the end of this turn. */
  #busy = false;
  #idle = (): void => {};
  #failed: Failure | undefined;
  #refused = 0;
  #probe: NodeJS.Timeout | undefined;
  #closed = false;
  #time = { milliseconds: Number.NaN, text: '' };

  constructor(
    options: AuditStoreOptions,
    parts: { readonly writer: SegmentWriter; readonly lock: DirectoryLock; readonly space: AuditSpace },
  ) {
    this.#options = options;
    this.#writer = parts.writer;
    this.#lock = parts.lock;
    this.#space = parts.space;
  }

  readonly append = (records: readonly AuditRecord[]): Promise<AuditReceipt> => {
    if (this.#closed) return Promise.reject(auditUnavailable('The audit store is closed.'));
    if (records.length === 0) return Promise.reject(auditUnavailable('There was nothing to record.'));
    const refusal = this.#refusal(records);
    if (refusal !== undefined) {
      this.#options.observer?.failed?.(refusal, 1);
      return Promise.reject(refusal);
    }
    const { now, monotonic } = this.#options.clock;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, time: this.#timeOf(now()), since: monotonic(), resolve, reject });
      this.#start();
    });
  };

  #refusal(records: readonly AuditRecord[]): Failure | undefined {
    if (this.#waiting.length >= (this.#options.waitingAppends ?? 10_000))
      return auditUnavailable('Too many records are waiting to be written.');
    if (this.#space.takes(records)) return undefined;
    this.#scheduleProbe();
    return this.#full();
  }

  readonly #full = (): Failure => auditUnavailable(`The audit log has grown to its limit of ${this.#space.limit} bytes.`);

  /** Writing a time out costs more than reading the clock, and many appends fall into one millisecond. */
  #timeOf(now: Date): string {
    const milliseconds = now.getTime();
    if (milliseconds !== this.#time.milliseconds) this.#time = { milliseconds, text: now.toISOString() };
    return this.#time.text;
  }

  readonly lag = (): number => {
    const oldest = this.#group[0] ?? this.#waiting[0];
    return oldest === undefined ? 0 : this.#options.clock.monotonic() - oldest.since;
  };

  readonly health = (): { readonly ready: boolean; readonly detail: string } => ({
    ready: this.#failed === undefined && !this.#closed && !this.#space.full,
    detail: this.#closed
      ? 'The audit store is closed.'
      : ((this.#failed ?? (this.#space.full ? this.#full() : undefined))?.fields.detail ?? ''),
  });

  readonly close = async (): Promise<void> => {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#probe);
    if (this.#busy) await new Promise<void>((resolve) => (this.#idle = resolve));
    try {
      await this.#writer.close();
    } finally {
      await this.#lock.release();
    }
  };

  /** Writes what opening left to be said: a new segment's first line, a recovery. */
  async begin(): Promise<void> {
    await this.#write([]);
  }

  #start(): void {
    if (this.#busy) return;
    this.#busy = true;
    // At the end of the turn, so that the sessions which it has served share the write.
    setImmediate(this.#drain);
  }

  readonly #drain = (): void => {
    while (this.#waiting.length > 0) {
      const pending = this.#write(this.#waiting);
      if (pending !== undefined) {
        void pending.then(this.#drain);
        return;
      }
    }
    this.#busy = false;
    this.#idle();
  };

  /**
   * Writes a group from the head of the queue; with an empty queue, only what the store itself has to say. Undefined: it is done.
   * Never rejects.
   */
  #write(queue: Waiting[]): Promise<void> | undefined {
    const prepared: PreparedRecord[] = [];
    const accepted: Accepted[] = [];
    let characters = 0;
    let taken = 0;
    while (taken < queue.length && characters < GROUP_CHARACTERS) {
      const waiting = queue[taken]!;
      taken += 1;
      try {
        const lines = waiting.records.map((record) => ({ time: waiting.time, json: this.#serialize(record) }));
        prepared.push(...lines);
        accepted.push({ waiting, count: lines.length });
        characters += lines.reduce((sum, { json }) => sum + json.length, 0);
      } catch (error) {
        waiting.reject(error instanceof Failure ? error : unavailable(error));
        this.#options.observer?.failed?.(error, 1);
      }
    }
    this.#group = queue.splice(0, taken);
    const { clock } = this.#options;
    const started = clock.monotonic();
    const commit = (end: ChainPoint): void => this.#commit(end, accepted, started);
    const written = this.#writer.write(prepared, this.#timeOf(clock.now()), this.#refused);
    if (written instanceof Promise) return written.then(commit, (error: unknown) => this.#refuse(error, accepted));
    commit(written);
    return undefined;
  }

  #commit(end: ChainPoint, accepted: readonly Accepted[], started: number): void {
    const { clock, observer } = this.#options;
    this.#failed = undefined;
    this.#refused = 0;
    this.#group = [];
    const records = accepted.reduce((sum, { count }) => sum + count, 0);
    let sequence = end.seq - records;
    for (const { waiting, count } of accepted) {
      sequence += count;
      // INVARIANT: the one place where a receipt is made, and only after the write.
      waiting.resolve({ sequence } as AuditReceipt);
    }
    if (this.#space.full) this.#scheduleProbe();
    if (records > 0) observer?.committed?.({ records, milliseconds: clock.monotonic() - started });
  }

  #refuse(error: unknown, refused: readonly Accepted[]): void {
    this.#group = [];
    const failure = unavailable(error);
    this.#failed = failure;
    this.#refused += refused.length;
    for (const { waiting } of refused) waiting.reject(failure);
    this.#options.observer?.failed?.(error, refused.length);
    this.#scheduleProbe();
  }

  /** A store that nobody asks (since it is not ready) has to find out by itself that space is back. */
  #scheduleProbe(): void {
    // Whoever asks again and again must not put it off.
    if (this.#closed || this.#probe !== undefined) return;
    this.#probe = setTimeout(() => {
      this.#probe = undefined;
      void this.#lookAgain();
    }, this.#options.probeMilliseconds ?? 1_000).unref();
  }

  async #lookAgain(): Promise<void> {
    if (this.#space.full) await this.#space.count().catch(() => undefined);
    if (this.#closed) return;
    if (this.#space.full) this.#scheduleProbe();
    if (this.#failed === undefined || this.#busy) return;
    this.#busy = true;
    void Promise.resolve(this.#write([])).then(this.#drain);
  }

  #serialize(record: AuditRecord): string {
    const json = JSON.stringify(record);
    const limit = this.#options.recordBytes ?? 256 * MEBIBYTE;
    // Three bytes of UTF-8 at most for one character of a string.
    const bytes = json.length * 3 > limit ? Buffer.byteLength(json) : json.length;
    if (bytes > limit) throw auditUnavailable(`The record has ${bytes} bytes, and the limit is ${limit}.`);
    return json;
  }
}

const createDirectory = async (directory: string): Promise<void> => {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (first !== undefined) await syncDirectory(dirname(first));
};

/**
 * Opens the store of a directory, creates it where it is missing, and goes on where its chain ends. Rejects with a Failure where
 * the directory cannot be used, another process writes to it, or its last segment is damaged. A full disk is no reason to
 * reject: the store is then not ready, and refuses, until there is space.
 */
export const openAuditStore = async (options: AuditStoreOptions): Promise<AuditStore> => {
  const { directory, durability, segmentBytes = 64 * MEBIBYTE, nameMilliseconds = 100 } = options;
  let lock: DirectoryLock | undefined;
  try {
    await createDirectory(directory);
    lock = await lockDirectory(directory);
    const space = new AuditSpace(directory, options.limitBytes);
    await space.count();
    const writing = { directory, durability, segmentBytes, lock, grown: space.add, monotonic: options.clock.monotonic, nameMilliseconds };
    const writer = new SegmentWriter(writing, await findChainEnd(directory));
    const store = new Store(options, { writer, lock, space });
    await store.begin();
    return store;
  } catch (error) {
    await lock?.release();
    if (error instanceof Failure) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw because(auditUnavailable(`The audit directory "${directory}" cannot be used: ${reason}.`), error);
  }
};
