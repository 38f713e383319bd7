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
type Record = { readonly id: string; readonly sql?: string; readonly steps?: readonly { readonly sql?: string }[] };

const MINUTES = 60_000;

/** Writing comes with rules for it: until then such records are refused, and only refused. */
const writes = ({ sql = '', steps = [] }: Record): boolean =>
  [sql, ...steps.map((step) => step.sql ?? '')].some((text) =>
    /\b(INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|FOR\s+(NO\s+KEY\s+)?UPDATE)\b/i.test(text),
  );

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

  it('has no legitimate reading record that breaks', async () => {
    const writing = await writingRecords();
    const broken = report.benign.filter(({ id, pass, verdict }) => !writing.has(id) && !pass && verdict !== 'SKIP');
    expect(report.benign.length).toBeGreaterThan(writing.size);
    expect(broken).toEqual([]);
  });

  it('refuses writing records, and leaks nothing by them', async () => {
    const writing = await writingRecords();
    const verdicts = report.benign.filter(({ id }) => writing.has(id));
    expect(new Set(verdicts.map(({ verdict }) => verdict))).toEqual(new Set(['BROKEN']));
    expect(verdicts.filter(({ why = [] }) => !why.some((reason) => reason.includes('refused: ')))).toEqual([]);
  });
});

const writingRecords = async (): Promise<ReadonlySet<string>> => {
  const lines = (await readFile(join(PUBLIC_CORPUS, 'benign.jsonl'), 'utf8')).split('\n').filter((line) => line !== '');
  const records = lines.map((line) => JSON.parse(line) as Record);
  return new Set(records.filter(writes).map(({ id }) => id));
};
