import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../kernel/audit-record.ts';
import { Failure } from '../../kernel/failure.ts';
import { readChain } from '../../test/audit/read-chain.ts';
import { type AuditStore, openAuditStore } from './audit-store.ts';

const ended = (session: string): AuditRecord => ({ type: 'session-ended', session, reason: '' });

let directory: string;
let time: number;
let store: AuditStore;

const segment = (): string => join(directory, 'audit-00000001.jsonl');

const told = async (): Promise<string[]> => {
  const { findings, lines } = await readChain(directory);
  expect(findings).toEqual([]);
  return lines.map((line) => (line.type === 'session-ended' ? line.session : line.type));
};

/** The code that the agent is told, or that there was none. */
const refusal = async (): Promise<string> =>
  await store.append([ended('lost')]).then(
    () => 'none',
    (error: unknown) => (error instanceof Failure ? (/\((.*)\)/.exec(error.fields.detail ?? '')?.[1] ?? '') : String(error)),
  );

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'segment-writer-'));
  time = 0;
  const clock = { now: () => new Date('2026-01-31T12:00:00Z'), monotonic: () => time };
  store = await openAuditStore({ directory, durability: () => 'Fsync', clock, probeMilliseconds: 1_000_000 });
  await store.append([ended('a')]);
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

describe('a segment that is no longer the one that was opened', () => {
  it('is noticed at once where another file was put in its place', async () => {
    await copyFile(segment(), `${segment()}.copy`);
    await rename(`${segment()}.copy`, segment());
    expect(await refusal()).toBe('SEGMENT_REPLACED');
    expect(await store.append([ended('b')])).toEqual({ sequence: 4 });
    expect(await told()).toEqual(['segment', 'a', 'recovered', 'b']);
  });

  it('is noticed at once where it was removed', async () => {
    await rm(segment());
    expect(await refusal()).toBe('SEGMENT_REPLACED');
  });

  it('is noticed a little later where it was moved away', async () => {
    await rename(segment(), `${segment()}.away`);
    expect(await store.append([ended('b')])).toEqual({ sequence: 3 });
    time += 100;
    expect(await refusal()).toBe('ENOENT');
    await rename(`${segment()}.away`, segment());
    expect(await store.append([ended('c')])).toEqual({ sequence: 5 });
    expect(await told()).toEqual(['segment', 'a', 'b', 'recovered', 'c']);
  });
});
