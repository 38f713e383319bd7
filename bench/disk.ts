/**
 * What it costs here to make a record durable.
 */
import { closeSync, fdatasync, fdatasyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Spread, spreadOf } from './statistics.ts';

/** Microseconds for one record of 1 KB, appended to a file where the audit logs of the run stand. */
export type DiskCosts = {
  readonly write: Spread;
  /** write and fdatasync, nothing else running. */
  readonly sync: Spread;
  /** The same, with the fdatasync in Node's thread pool. */
  readonly syncInPool: Spread;
  /** write and fdatasync into a file that is long enough already. */
  readonly syncInPlace: Spread;
};

const RECORDS = 200;

const timed = async (act: () => unknown): Promise<Spread> => {
  const costs: number[] = [];
  for (let record = 0; record < RECORDS; record += 1) {
    const began = performance.now();
    await act();
    costs.push((performance.now() - began) * 1_000);
  }
  costs.sort((a, b) => a - b);
  // The ends of the spread are a disk's worst moments: the figures are the quartiles.
  return spreadOf(costs.slice(RECORDS / 4, (RECORDS * 3) / 4)) ?? { median: 0, least: 0, most: 0 };
};

/** Appends to a file of its own, and removes it. */
export const measureDisk = async (): Promise<DiskCosts> => {
  const path = join(tmpdir(), `pg-airlock-bench-disk-${process.pid}`);
  const file = openSync(path, 'a', 0o600);
  const record = Buffer.alloc(1_024, 'x');
  const pool = promisify(fdatasync);
  try {
    const write = await timed(() => writeSync(file, record));
    const sync = await timed(() => (writeSync(file, record), fdatasyncSync(file)));
    const syncInPool = await timed(() => (writeSync(file, record), pool(file)));
    const filled = openSync(path, 'r+');
    try {
      writeSync(filled, Buffer.alloc(RECORDS * record.length), 0, RECORDS * record.length, 0);
      fdatasyncSync(filled);
      let place = 0;
      const syncInPlace = await timed(() => {
        writeSync(filled, record, 0, record.length, place);
        place += record.length;
        fdatasyncSync(filled);
      });
      return { write, sync, syncInPool, syncInPlace };
    } finally {
      closeSync(filled);
    }
  } finally {
    closeSync(file);
    unlinkSync(path);
  }
};
