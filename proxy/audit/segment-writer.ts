/**
 * Appends lines to the chain, segment after segment. One write at a time: the store sees to that.
 *
 * Writing itself is synchronous: the operating system takes a group of records in a few microseconds, and handing it to a thread
 * costs ten times as much. Only what waits for the disk does so in a thread.
 *
 * After any error nothing is known of the file's end. The next write first cuts the file back to the last line that was
 * acknowledged, and only then goes on: the chain has neither gaps nor doubles.
 */
import { fdatasync, fstatSync, statSync, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { AUDIT_FORMAT_VERSION, type ChainPoint, encodeLine } from '../../kernel/audit-chain.ts';
import type { SegmentStarted, StoreRecovered } from '../../kernel/audit-record.ts';
import type { DirectoryLock } from './directory-lock.ts';
import { type ChainEnd, createSegment, openSegment } from './open-segment.ts';
import { segmentFileName, type SegmentFile } from './segment-files.ts';

/** A record ready to be chained: `json` as `JSON.stringify` writes it. */
export type PreparedRecord = { readonly time: string; readonly json: string };

export type SegmentWriterOptions = {
  readonly directory: string;
  /** Asked at each write: manifests change while the process lives. */
  readonly durability: () => 'Fsync' | 'Write';
  readonly segmentBytes: number;
  readonly lock: DirectoryLock;
  /** Told of each group that was written. */
  readonly grown: (bytes: number) => void;
  readonly monotonic: () => number;
  /** Milliseconds for which it is taken for granted that the file still stands under its name. */
  readonly nameMilliseconds: number;
};

/** What a group of ordinary size comes to. */
const SCRATCH_BYTES = 256 * 1024;

/** Room for `seq`, `time`, `prev` and `hash`. */
const LINE_OVERHEAD = 256;

/** What the operating system calls no error, and is one. */
class SegmentFault extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'SegmentFault';
    this.code = code;
  }
}

/** The end of the chain, and how to move it. */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  #segment: SegmentFile;
  #handle: FileHandle | undefined;
  /** End of what was acknowledged. */
  #offset: number;
  #point: ChainPoint;
  #scratch: Buffer | undefined;
  /** When the file was last seen under its name. */
  #seenAt = Number.NEGATIVE_INFINITY;
  /** What a failed write, or a crash, left after the last acknowledged line; recorded by the next write that succeeds. */
  #recovery: Omit<StoreRecovered, 'refused'> | undefined;

  constructor(options: SegmentWriterOptions, end: ChainEnd) {
    this.#options = options;
    this.#segment = end.segment;
    this.#offset = end.offset;
    this.#point = end.point;
    this.#recovery = end.tornBytes > 0 ? { type: 'recovered', cause: 'Torn', bytes: 0 } : undefined;
  }

  /**
   * Appends the records, after a `recovered` record where there was something to recover from; returns the chain's end, and a promise
   * of it only where there is something to wait for.
   */
  write(records: readonly PreparedRecord[], time: string, refused: number): ChainPoint | Promise<ChainPoint> {
    const size = records.reduce((sum, { json }) => sum + Buffer.byteLength(json) + LINE_OVERHEAD, 0);
    try {
      const ready = this.#handle === undefined || this.#mustTurn(size) ? this.#prepare(size) : this.#handle;
      const written =
        ready instanceof Promise
          ? ready.then((handle) => this.#writeTo(handle, records, time, refused))
          : this.#writeTo(ready, records, time, refused);
      return written instanceof Promise ? written.catch((error: unknown) => this.#fail(error)) : written;
    } catch (error) {
      return this.#fail(error);
    }
  }

  #writeTo(handle: FileHandle, records: readonly PreparedRecord[], time: string, refused: number): ChainPoint | Promise<ChainPoint> {
    const first = this.#offset === 0 ? [this.#header(time)] : [];
    const recovery = this.#recovery === undefined ? [] : [{ time, json: JSON.stringify({ ...this.#recovery, refused }) }];
    let text = '';
    let point = this.#point;
    for (const group of [first, recovery, records]) {
      for (const record of group) {
        const line = encodeLine(point, record.time, record.json);
        text += line.text;
        point = line.point;
      }
    }
    const bytes = this.#encode(text);
    if (bytes.length > 0) this.#append(handle, bytes);
    const commit = (): ChainPoint => {
      this.#offset += bytes.length;
      this.#options.grown(bytes.length);
      this.#point = point;
      this.#recovery = undefined;
      return point;
    };
    return bytes.length > 0 && this.#options.durability() === 'Fsync' ? synced(handle).then(commit) : commit();
  }

  /** In memory of our own where it fits: it is written before anything else is encoded. */
  #encode(text: string): Buffer {
    if (text.length * 3 > SCRATCH_BYTES) return Buffer.from(text);
    this.#scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    return this.#scratch.subarray(0, this.#scratch.write(text));
  }

  async #fail(error: unknown): Promise<never> {
    this.#recovery ??= { type: 'recovered', cause: 'WriteFailed', bytes: 0 };
    await this.#forget();
    throw error;
  }

  /** Makes everything durable, whatever the durability, and lets go of the file. */
  async close(): Promise<void> {
    try {
      await this.#handle?.datasync();
    } finally {
      await this.#forget();
    }
  }

  #header(time: string): PreparedRecord {
    const header: SegmentStarted = { type: 'segment', version: AUDIT_FORMAT_VERSION, segment: this.#segment.number };
    return { time, json: JSON.stringify(header) };
  }

  /** What is written stays unknown to `#offset` until it is durable. */
  #append(handle: FileHandle, bytes: Buffer): void {
    for (let written = 0; written < bytes.byteLength; ) {
      const count = writeSync(handle.fd, bytes, written);
      if (count === 0) throw new SegmentFault('NO_PROGRESS', 'the file takes no more bytes');
      written += count;
    }
    const { nlink, size } = fstatSync(handle.fd);
    if (nlink === 0) throw new SegmentFault('SEGMENT_REPLACED', 'the segment was removed or replaced');
    if (size !== this.#offset + bytes.byteLength) throw new SegmentFault('FOREIGN_WRITER', 'another process writes to the segment');
    const { monotonic, nameMilliseconds } = this.#options;
    const now = monotonic();
    if (now - this.#seenAt < nameMilliseconds) return;
    expectNamed(handle.fd, this.#segment.path);
    this.#seenAt = now;
  }

  /** `size` more bytes would make the segment too large. */
  #mustTurn(size: number): boolean {
    return this.#offset > 0 && this.#offset + size > this.#options.segmentBytes && size > 0;
  }

  async #prepare(size: number): Promise<FileHandle> {
    this.#handle ??= await this.#repair();
    return this.#mustTurn(size) ? await this.#turn(this.#handle) : this.#handle;
  }

  /** Begins the next segment. */
  async #turn(before: FileHandle): Promise<FileHandle> {
    const number = this.#segment.number + 1;
    const file = segmentFileName(number);
    const path = join(this.#options.directory, file);
    await before.datasync();
    const handle = await createSegment(path);
    if ((await handle.stat()).size > 0) {
      await handle.close();
      throw new SegmentFault('NEXT_SEGMENT_EXISTS', 'the next segment is there already');
    }
    // Nothing is left to the old file, so an error in closing it cannot lose anything.
    await before.close().catch(() => undefined);
    this.#segment = { number, file, path };
    this.#offset = 0;
    this.#handle = handle;
    return handle;
  }

  /** Opens the segment and cuts off what follows the last acknowledged line. */
  async #repair(): Promise<FileHandle> {
    // INVARIANT: what follows may only be cut off by the one writer; another's records may stand there.
    if (!(await this.#options.lock.held())) throw new SegmentFault('LOCK_LOST', 'another process took over the audit directory');
    const handle = await (this.#offset === 0 ? createSegment : openSegment)(this.#segment.path);
    try {
      const { size } = await handle.stat();
      await this.#expectEnd(handle, size);
      if (size > this.#offset) {
        await handle.truncate(this.#offset);
        await handle.sync();
      }
      const known = this.#recovery;
      if (known !== undefined) this.#recovery = { ...known, bytes: known.bytes + size - this.#offset };
      return handle;
    } catch (error) {
      await handle.close().catch(() => undefined);
      throw error;
    }
  }

  /** The file holds what was acknowledged, up to the last line's hash. */
  async #expectEnd(handle: FileHandle, size: number): Promise<void> {
    if (this.#offset === 0) return;
    const expected = Buffer.from(`"${this.#point.hash}"}\n`);
    const found = Buffer.alloc(expected.byteLength);
    if (size >= this.#offset) await handle.read(found, 0, found.byteLength, this.#offset - found.byteLength);
    if (!found.equals(expected)) throw new SegmentFault('UNEXPECTED_END', 'the segment does not end as it was left');
  }

  async #forget(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#seenAt = Number.NEGATIVE_INFINITY;
    await handle?.close().catch(() => undefined);
  }
}

const synced = (handle: FileHandle): Promise<void> =>
  new Promise((resolve, reject) => fdatasync(handle.fd, (error) => (error === null ? resolve() : reject(error))));

/** The file that was written is the one that stands in the directory. */
const expectNamed = (fd: number, path: string): void => {
  const own = fstatSync(fd, { bigint: true });
  const named = statSync(path, { bigint: true });
  if (own.ino !== named.ino || own.dev !== named.dev) throw new SegmentFault('SEGMENT_REPLACED', 'the segment was moved or replaced');
};
