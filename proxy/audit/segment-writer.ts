/**
 * Appends lines to the chain, segment after segment. One write at a time: the store sees to that.
 *
 * After any error nothing is known of the file's end. The next write first cuts the file back to the last line that was
 * acknowledged, and only then goes on: the chain has neither gaps nor doubles.
 */
import type { BigIntStats } from 'node:fs';
import { type FileHandle, stat } from 'node:fs/promises';
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
};

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
  /** What a failed write, or a crash, left after the last acknowledged line; recorded by the next write that succeeds. */
  #recovery: Omit<StoreRecovered, 'refused'> | undefined;

  constructor(options: SegmentWriterOptions, end: ChainEnd) {
    this.#options = options;
    this.#segment = end.segment;
    this.#offset = end.offset;
    this.#point = end.point;
    this.#recovery = end.tornBytes > 0 ? { type: 'recovered', cause: 'Torn', bytes: 0 } : undefined;
  }

  /** Appends the records, after a `recovered` record where there was something to recover from; returns the chain's end. */
  async write(records: readonly PreparedRecord[], time: string, refused: number): Promise<ChainPoint> {
    try {
      const size = records.reduce((sum, { json }) => sum + Buffer.byteLength(json) + LINE_OVERHEAD, 0);
      const handle = (await this.#next(size)) ?? (this.#handle ??= await this.#repair());
      const first = this.#offset === 0 ? [this.#header(time)] : [];
      const recovery = this.#recovery === undefined ? [] : [{ time, json: JSON.stringify({ ...this.#recovery, refused }) }];
      const lines: Buffer[] = [];
      let point = this.#point;
      for (const record of [...first, ...recovery, ...records]) {
        const line = encodeLine(point, record.time, record.json);
        lines.push(line.bytes);
        point = line.point;
      }
      if (lines.length > 0) await this.#append(handle, Buffer.concat(lines));
      this.#point = point;
      this.#recovery = undefined;
      return point;
    } catch (error) {
      this.#recovery ??= { type: 'recovered', cause: 'WriteFailed', bytes: 0 };
      await this.#forget();
      throw error;
    }
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

  async #append(handle: FileHandle, bytes: Buffer): Promise<void> {
    for (let written = 0; written < bytes.byteLength; ) {
      const { bytesWritten } = await handle.write(bytes, written);
      if (bytesWritten === 0) throw new SegmentFault('NO_PROGRESS', 'the file takes no more bytes');
      written += bytesWritten;
    }
    const end = this.#offset + bytes.byteLength;
    const sync = this.#options.durability() === 'Fsync' ? handle.datasync() : undefined;
    const [own, named] = await Promise.all([handle.stat({ bigint: true }), stat(this.#segment.path, { bigint: true }), sync]);
    expectSame(own, named, end);
    this.#offset = end;
  }

  /** Begins the next segment where `size` more bytes would make this one too large. */
  async #next(size: number): Promise<FileHandle | undefined> {
    if (this.#offset === 0 || this.#offset + size <= this.#options.segmentBytes || size === 0) return undefined;
    const number = this.#segment.number + 1;
    const file = segmentFileName(number);
    const path = join(this.#options.directory, file);
    const before = (this.#handle ??= await this.#repair());
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
    await handle?.close().catch(() => undefined);
  }
}

/** The file that was written is the one that stands in the directory, and nobody else wrote to it. */
const expectSame = (own: BigIntStats, named: BigIntStats, size: number): void => {
  if (own.ino !== named.ino || own.dev !== named.dev) throw new SegmentFault('SEGMENT_REPLACED', 'the segment was removed or replaced');
  if (own.size !== BigInt(size)) throw new SegmentFault('FOREIGN_WRITER', 'another process writes to the segment');
};
