import { spawn } from 'node:child_process';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listSegments } from '../../proxy/audit/segment-files.ts';
import { readChain } from './read-chain.ts';

const APPENDER = join(import.meta.dirname, 'appender.ts');

const TORN = '{"seq":1000,"time":"2026-01-31T12:00:00.000Z","type":"session-ended","session":"1/1"';

/** Lets an appender run, kills it after it acknowledged `count` records and a little more, and returns what it acknowledged. */
const runUntilKilled = (directory: string, count: number): Promise<number[]> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [APPENDER, directory, 'Fsync', '20000', '8'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    let killing = false;
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      printed += text;
      if (killing || printed.split('\n').length < count + 2) return;
      killing = true;
      setTimeout(() => child.kill('SIGKILL'), Math.random() * 3);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const lines = printed.split('\n').slice(0, -1);
      if (signal !== 'SIGKILL' || lines[0] !== 'ready') reject(new Error(`appender ended with ${code}: ${printed.slice(0, 500)}`));
      else resolve(lines.slice(1).map(Number));
    });
  });

it('keeps every acknowledged record and an unbroken chain through 100 kills under load', { timeout: 300_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'audit-kill-'));
  try {
    const acknowledged: number[] = [];
    let known = 0;
    let torn = 0;
    for (let round = 0; round < 100; round += 1) {
      const seqs = await runUntilKilled(directory, Math.floor(Math.random() * 40));
      acknowledged.push(...seqs);
      const { findings, lines } = await readChain(directory);
      expect(findings.filter(({ kind }) => kind !== 'Torn')).toEqual([]);
      expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index + 1));
      expect(Math.min(...seqs, Infinity)).toBeGreaterThan(known);
      known = lines.length;
      // The kernel finishes a small write that it has begun, whoever is killed; a machine that dies does not.
      if (findings.length > 0 || round % 2 === 0) torn += 1;
      if (findings.length === 0 && round % 2 === 0)
        await appendFile((await listSegments(directory)).at(-1)!.path, TORN.slice(0, 1 + (round % TORN.length)));
      expect(known).toBeGreaterThanOrEqual(Math.max(...seqs, 0));
    }
    const { lines } = await readChain(directory);
    const ended = new Set(lines.filter(({ type }) => type === 'session-ended').map(({ seq }) => seq));
    expect(acknowledged.filter((seq) => !ended.has(seq))).toEqual([]);
    expect(lines.filter(({ type }) => type === 'recovered').length).toBe(torn);
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
    expect(acknowledged.length).toBeGreaterThan(1_000);
    expect(lines.filter(({ type }) => type === 'segment').length).toBeGreaterThan(10);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
