import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openAuditStore } from '../../proxy/audit/audit-store.ts';
import { readChain } from './read-chain.ts';

const APPENDER = join(import.meta.dirname, 'appender.ts');
const LIMIT = 200_000;
const canLimit = spawnSync('prlimit', ['--version']).status === 0;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audit-disk-'));
});
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  await rm(directory, { recursive: true, force: true });
});

/** What a child printed so far, and a promise for when that satisfies a condition. */
const listen = (
  child: ChildProcess,
): { readonly lines: string[]; readonly until: (met: (lines: string[]) => boolean) => Promise<void> } => {
  const lines: string[] = [];
  let rest = '';
  const waiting: (() => void)[] = [];
  child.stdout!.setEncoding('latin1').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
    for (const check of waiting) check();
  });
  const until = (met: (lines: string[]) => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => (met(lines) ? resolve() : undefined);
      waiting.push(check);
      check();
    });
  return { lines, until };
};

const isRefusal = (line: string): boolean => line.startsWith('refused');

/** The kernel cuts the write at the limit and refuses the rest: what a full disk does, without a disk. */
it.skipIf(!canLimit)('refuses at the limit of the file system, leaves no gap, and goes on when there is space', async () => {
  const child = spawn('prlimit', [`--fsize=${LIMIT}:unlimited`, process.execPath, APPENDER, directory, 'Fsync', '100000000', '4'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanups.push(() => child.kill('SIGKILL'));
  const { lines, until } = listen(child);
  const closed = new Promise((resolve) => child.on('close', resolve));
  await until(() => lines.filter(isRefusal).length >= 20);
  execFileSync('prlimit', [`--pid=${child.pid}`, '--fsize=unlimited:unlimited']);
  const refusedAt = lines.length;
  await until(() => lines.slice(refusedAt).filter((line) => !isRefusal(line)).length >= 200);
  child.kill('SIGKILL');
  await closed;

  const { findings, lines: records } = await readChain(directory);
  expect(findings.filter(({ kind }) => kind !== 'Torn')).toEqual([]);
  expect(new Set(lines.filter(isRefusal))).toEqual(new Set(['refused audit-unavailable']));
  const recovered = records.filter(({ type }) => type === 'recovered');
  expect(recovered.length).toBeGreaterThan(0);
  const acknowledged = lines
    .slice(1)
    .filter((line) => !isRefusal(line))
    .map(Number);
  const ended = new Set(records.filter(({ type }) => type === 'session-ended').map(({ seq }) => seq));
  expect(acknowledged.filter((seq) => !ended.has(seq))).toEqual([]);
  // What was refused is not in the chain: only what was under way when the process was killed may be there unacknowledged.
  expect(ended.size - acknowledged.length).toBeLessThanOrEqual(4);
  expect(records.reduce((sum, record) => sum + (record.type === 'recovered' ? record.refused : 0), 0)).toBe(lines.filter(isRefusal).length);
});

it('refuses on a full disk, and goes on when there is space', async ({ skip }) => {
  const disk = join(directory, 'disk');
  await mkdir(disk);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]).status !== 0) return skip('only root can mount');
  // Lazily: a store that a failed test left open still holds its file.
  cleanups.push(() => spawnSync('umount', ['--lazy', disk]));
  const options = { directory: join(disk, 'log'), durability: () => 'Fsync' as const, probeMilliseconds: 5 } as const;
  const store = await openAuditStore({ ...options, clock: { now: () => new Date(), monotonic: () => performance.now() } });
  const append = (): Promise<string> =>
    store.append([{ type: 'session-ended', session: 's', reason: 'x'.repeat(3_000) }]).then(
      () => 'written',
      (error: unknown) => String(error),
    );
  await writeFile(join(disk, 'ballast'), Buffer.alloc(128 * 1024));
  let written = 0;
  while ((await append()) === 'written') written += 1;
  expect(written).toBeGreaterThan(10);
  expect(await append()).toBe('Failure: could not write the audit record');
  expect(store.health()).toEqual({ ready: false, detail: 'The audit store could not be written (ENOSPC).' });
  await rm(join(disk, 'ballast'));
  await expect.poll(() => store.health(), { timeout: 10_000 }).toEqual({ ready: true, detail: '' });
  expect(await append()).toBe('written');
  await store.close();
  const { findings, lines } = await readChain(options.directory);
  expect(findings).toEqual([]);
  const types = lines.map(({ type }) => type);
  expect(types.filter((type) => type !== 'recovered')).toEqual(['segment', ...Array.from({ length: written + 1 }, () => 'session-ended')]);
  expect(types.slice(-2)).toEqual(['recovered', 'session-ended']);
});
