/**
 * How much an audit directory may hold. In a cluster the log lies in an emptyDir whose size is no quota: a pod that goes beyond it is
 * evicted, and its log goes with it. So statements stop before that, as on a full disk, and go on when somebody has made room.
 */
import { stat } from 'node:fs/promises';
import type { AuditRecord } from '../../kernel/audit-record.ts';
import { listSegments } from './segment-files.ts';

/** What is left for the ends of what has begun: statements and sessions. */
const RESERVE = 0.1;

/** Everything but this opens something that will want a record of its end. */
const isEnding = ({ type }: AuditRecord): boolean => type === 'completion' || type === 'session-ended';

export class AuditSpace {
  readonly #directory: string;
  /** Bytes; undefined: as much as the disk has. */
  readonly limit: number | undefined;
  #taken = 0;

  constructor(directory: string, limit: number | undefined) {
    this.#directory = directory;
    this.limit = limit;
  }

  /** Bytes were added to a segment. */
  readonly add = (bytes: number): void => {
    this.#taken += bytes;
  };

  /** Looks at the segments: those that were shipped elsewhere may have been removed. */
  async count(): Promise<void> {
    if (this.limit === undefined) return;
    const sizes = await Promise.all((await listSegments(this.#directory)).map(async ({ path }) => (await stat(path)).size));
    this.#taken = sizes.reduce((sum, size) => sum + size, 0);
  }

  get full(): boolean {
    return this.limit !== undefined && this.#taken >= this.limit * (1 - RESERVE);
  }

  /** Is there room for these? */
  takes(records: readonly AuditRecord[]): boolean {
    return !this.full || records.every(isEnding);
  }
}
