/**
 * The public corpus through the proxy, with an over-privileged role upstream.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Corpus, PUBLIC_CORPUS, startCorpus } from './corpus.ts';

type Verdict = { readonly id: string; readonly verdict: string; readonly pass?: boolean; readonly why?: readonly string[] };
type Report = { readonly attacks: readonly Verdict[]; readonly benign: readonly Verdict[] };
const MINUTES = 60_000;

describe('the public corpus on PostgreSQL 18', () => {
  let corpus: Corpus;
  let folder: string;
  let report: Report;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pg-airlock-corpus-report-'));
    corpus = await startCorpus({ folder: PUBLIC_CORPUS, version: 18, upstream: 'shop_owner' });
    await corpus.run(['--what', 'all', '--json', join(folder, 'report.json')]);
    report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as Report;
  }, 8 * MINUTES);
  afterAll(async () => {
    await corpus.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('has no attack that leaks, changes anything, or is accepted, crashes or hangs', () => {
    expect(report.attacks.length).toBeGreaterThan(200);
    expect(report.attacks.filter(({ pass, verdict }) => !pass && verdict !== 'SKIP')).toEqual([]);
  });

  it('has no legitimate record that breaks', () => {
    expect(report.benign.length).toBeGreaterThan(60);
    expect(report.benign.filter(({ pass, verdict }) => !pass && verdict !== 'SKIP')).toEqual([]);
  });
});
