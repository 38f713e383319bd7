import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../kernel/audit-record.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { readChain } from '../../test/audit/read-chain.ts';
import { type AuditStore, type AuditStoreOptions, openAuditStore } from './audit-store.ts';

const clock: Clock = { now: () => new Date('2026-01-31T12:00:00Z'), monotonic: () => performance.now() };
const ended = (session: string, reason = ''): AuditRecord => ({ type: 'session-ended', session, reason });

let parent: string;
let directory: string;
const opened: AuditStore[] = [];

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'audit-store-'));
  directory = join(parent, 'log');
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await rm(parent, { recursive: true, force: true });
});

const open = async (options: Partial<AuditStoreOptions> = {}): Promise<AuditStore> => {
  const store = await openAuditStore({ directory, durability: () => 'Fsync', clock, ...options });
  opened.push(store);
  return store;
};

const segment = (number: number): string => join(directory, `audit-0000000${number}.jsonl`);

/** What stands in the log, one word a line. */
const told = async (): Promise<string[]> => {
  const { findings, lines } = await readChain(directory);
  expect(findings).toEqual([]);
  return lines.map((line) => (line.type === 'session-ended' ? line.session : line.type));
};

const failureOf = async (promise: Promise<unknown>): Promise<string> => {
  const error = await promise.then(
    () => 'no failure',
    (reason: unknown) => reason,
  );
  return error instanceof Failure ? `${error.fields.sqlstate} ${error.fields.detail}` : String(error);
};

/** A claim to the directory as another process would leave it. */
const claim = async (holder: object): Promise<string> => {
  const path = join(directory, 'writer-00000000-0000-4000-8000-000000000000.lock');
  await writeFile(path, JSON.stringify(holder));
  return path;
};

/** The process namespace that our own claims name. */
const ownSpace = async (): Promise<unknown> => {
  const store = await open();
  const file = (await readdir(directory)).find((each) => each.endsWith('.lock'));
  const holder = JSON.parse(await readFile(join(directory, file!), 'utf8')) as { readonly space: unknown };
  await store.close();
  return holder.space;
};

describe('append()', () => {
  it('chains the records after a header, and its receipt names the last', async () => {
    const store = await open();
    expect(await store.append([ended('a'), ended('b')])).toEqual({ sequence: 3 });
    expect(await store.append([ended('c')])).toEqual({ sequence: 4 });
    const lines = (await readFile(segment(1), 'utf8')).split('\n');
    expect(lines[0]).toMatch(
      /^\{"seq":1,"time":"2026-01-31T12:00:00\.000Z","type":"segment","version":1,"segment":1,"prev":"0{64}","hash":"[0-9a-f]{64}"\}$/,
    );
    expect(await told()).toEqual(['segment', 'a', 'b', 'c']);
  });

  it('writes what arrives together in one group, in the order of the calls', async () => {
    const groups: number[] = [];
    const store = await open({ observer: { committed: ({ records }) => groups.push(records) } });
    const names = Array.from({ length: 500 }, (_, index) => `s${index}`);
    const receipts = await Promise.all(names.map((name) => store.append([ended(name)])));
    expect(receipts.map(({ sequence }) => sequence)).toEqual(names.map((_, index) => index + 2));
    expect(groups).toEqual([500]);
    expect(await told()).toEqual(['segment', ...names]);
  });

  it('keeps files and directory to their owner', async () => {
    await (await open()).append([ended('a')]);
    const modes = await Promise.all([directory, segment(1)].map(async (path) => ((await stat(path)).mode & 0o777).toString(8)));
    expect(modes).toEqual(['700', '600']);
  });

  it('begins a new segment before one grows too large, and gives a large record one of its own', async () => {
    const store = await open({ segmentBytes: 2_000 });
    for (const name of ['a', 'b', 'c', 'd']) await store.append([ended(name, 'x'.repeat(500))]);
    await store.append([ended('large', 'x'.repeat(10_000))]);
    await store.append([ended('e')]);
    expect(await told()).toEqual(['segment', 'a', 'b', 'segment', 'c', 'd', 'segment', 'large', 'segment', 'e']);
    expect((await stat(segment(1))).size).toBeLessThanOrEqual(2_000);
  });

  it('holds text of any kind on one line', async () => {
    const texts = [
      'line\nfeed\r\n',
      '\u2028\u2029',
      '\ud800 lone',
      '"quote\\',
      '\u0000\u001b[31m',
      ',"hash":"' + '0'.repeat(64) + '"}',
      '🐘',
    ];
    const store = await open();
    await store.append(texts.map((text) => ended('s', text)));
    const { findings, lines } = await readChain(directory);
    expect(findings).toEqual([]);
    expect(lines.slice(1).map((line) => (line.type === 'session-ended' ? line.reason : ''))).toEqual(texts);
  });

  it('holds a statement of 16 MiB, even of characters that JSON writes with six', async () => {
    const store = await open();
    const sql = '\u0001'.repeat(16 * 1024 * 1024);
    await store.append([ended('large', sql)]);
    await store.append([ended('after')]);
    const { findings, lines } = await readChain(directory);
    expect(findings).toEqual([]);
    expect(lines.map((line) => (line.type === 'session-ended' ? line.reason.length : line.type))).toEqual([
      'segment',
      'segment',
      sql.length,
      'segment',
      0,
    ]);
  });

  it('refuses a record that is too large, and goes on', async () => {
    const store = await open({ recordBytes: 1_000 });
    const [large, small] = await Promise.allSettled([store.append([ended('large', 'x'.repeat(1_000))]), store.append([ended('small')])]);
    expect(large).toMatchObject({ status: 'rejected', reason: { fields: { code: 'audit-unavailable' } } });
    expect(small).toEqual({ status: 'fulfilled', value: { sequence: 2 } });
    expect(await told()).toEqual(['segment', 'small']);
  });

  it('refuses when too many records wait', async () => {
    const store = await open({ waitingAppends: 2 });
    const results = await Promise.allSettled(['a', 'b', 'c'].map((name) => store.append([ended(name)])));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(await told()).toEqual(['segment', 'a', 'b']);
  });

  it('makes no receipt for nothing, nor when closed', async () => {
    const store = await open();
    expect(await failureOf(store.append([]))).toBe('58030 There was nothing to record.');
    await store.close();
    expect(await failureOf(store.append([ended('a')]))).toBe('58030 The audit store is closed.');
    expect(store.health()).toEqual({ ready: false, detail: 'The audit store is closed.' });
  });

  it('writes what waits before it closes', async () => {
    const store = await open();
    const receipt = store.append([ended('a')]);
    await store.close();
    expect(await receipt).toEqual({ sequence: 2 });
    expect(await told()).toEqual(['segment', 'a']);
  });

  it('tells how long the oldest record has been waiting', async () => {
    let time = 1_000;
    const store = await open({ clock: { now: clock.now, monotonic: () => time } });
    const receipt = store.append([ended('a')]);
    time += 250;
    expect(store.lag()).toBe(250);
    await receipt;
    expect(store.lag()).toBe(0);
  });
});

describe('openAuditStore()', () => {
  it('goes on where the chain ended', async () => {
    const first = await open();
    await first.append([ended('a')]);
    await first.close();
    expect(await (await open()).append([ended('b')])).toEqual({ sequence: 3 });
    expect(await told()).toEqual(['segment', 'a', 'b']);
  });

  it('cuts off a torn record and says how many bytes it dropped', async () => {
    const first = await open();
    await first.append([ended('a')]);
    await first.close();
    await appendFile(segment(1), '{"seq":3,"time');
    const second = await open();
    expect(await second.append([ended('b')])).toEqual({ sequence: 4 });
    const { findings, lines } = await readChain(directory);
    expect(findings).toEqual([]);
    expect(lines[2]).toMatchObject({ seq: 3, type: 'recovered', cause: 'Torn', bytes: 14, refused: 0 });
  });

  it.each([
    ['empty', 0, ['segment', 'a', 'segment', 'b']],
    ['torn in its first line', 30, ['segment', 'a', 'segment', 'recovered', 'b']],
  ])('goes on where the last segment is %s', async (_name, bytes, expected) => {
    const first = await open({ segmentBytes: 700 });
    await first.append([ended('a')]);
    await first.append([ended('lost', 'x'.repeat(300))]);
    await first.close();
    await truncate(segment(2), bytes);
    await (await open()).append([ended('b')]);
    expect(await told()).toEqual(expected);
  });

  it('goes on where the only segment was never begun', async () => {
    await mkdir(directory);
    await writeFile(segment(1), '{"se');
    await (await open()).append([ended('a')]);
    expect(await told()).toEqual(['segment', 'recovered', 'a']);
  });

  it('refuses to go on after a record that was edited', async () => {
    const first = await open();
    await first.append([ended('a'), ended('b')]);
    await first.close();
    await writeFile(segment(1), (await readFile(segment(1), 'utf8')).replace('"session":"a"', '"session":"z"'));
    expect(await failureOf(open())).toMatch(
      /^58030 The audit log is damaged: audit-00000001\.jsonl, line 2: the record does not match its hash\./,
    );
    expect(await readdir(directory)).toEqual(['audit-00000001.jsonl']);
  });

  it('refuses a directory that it cannot use', async () => {
    await writeFile(directory, 'a file');
    expect(await failureOf(open())).toMatch(/^58030 The audit directory ".*" cannot be used: EEXIST/);
  });

  it('is the only writer of a directory until it is closed', async () => {
    const first = await open();
    expect(await failureOf(open())).toBe(`58030 The audit directory "${directory}" is in use by process ${process.pid}.`);
    await first.append([ended('a')]);
    await first.close();
    await (await open()).append([ended('b')]);
    expect(await told()).toEqual(['segment', 'a', 'b']);
  });

  it('lets one of several have the directory of a process that died', async () => {
    await (await open()).close();
    for (let round = 0; round < 20; round += 1) {
      // The number is alive (it is ours) but belongs to another process than the one that held the directory.
      await claim({ pid: process.pid, started: '1', space: await ownSpace() });
      const results = await Promise.allSettled([open(), open(), open(), open()]);
      const stores = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(stores.length).toBe(1);
      expect((await readdir(directory)).map((file) => file.replace(/-[0-9a-f-]{36}/, ''))).toEqual(['audit-00000001.jsonl', 'writer.lock']);
      await stores[0]!.close();
    }
  });

  it('waits for a sign of life of a holder that it cannot see', { timeout: 20_000 }, async () => {
    await mkdir(directory);
    const other = { pid: 1, started: '1', space: 'another container' };
    const path = await claim(other);
    const touching = setInterval(() => void utimes(path, new Date(), new Date()), 100);
    expect(await failureOf(open())).toBe(`58030 The audit directory "${directory}" is in use by process 1.`);
    clearInterval(touching);
    await (await open()).append([ended('a')]);
    expect(await told()).toEqual(['segment', 'a']);
  });
});

describe('with a limit', () => {
  const decided = (sql: string): AuditRecord => ({
    type: 'decision',
    session: 's',
    agent: 'a',
    connection: 'c',
    statement: 1,
    via: 'Query',
    decision: 'Allow',
    kinds: ['Select'],
    reasons: [],
    policies: [],
    revision: 'r',
    sql,
    relations: [],
    masked: [],
    filtered: [],
  });
  const large = decided('x'.repeat(30_000));
  const FULL = '58030 The audit log has grown to its limit of 100000 bytes.';

  it('refuses what begins before it is reached, takes what ends, and goes on when there is room', async () => {
    const store = await open({ limitBytes: 100_000, segmentBytes: 40_000, probeMilliseconds: 5 });
    for (let turn = 0; turn < 3; turn += 1) await store.append([large]);
    expect(await failureOf(store.append([large]))).toBe(FULL);
    expect(store.health()).toEqual({ ready: false, detail: FULL.slice(6) });
    await store.append([ended('last')]);
    expect((await told()).at(-1)).toBe('last');
    // What has been shipped elsewhere may go.
    await rm(segment(1));
    await rm(segment(2));
    while (!store.health().ready) await new Promise((resolve) => setTimeout(resolve, 5));
    await store.append([large]);
  });

  it('goes on also where nobody asks, and where somebody asks without end', async () => {
    const store = await open({ limitBytes: 100_000, segmentBytes: 40_000, probeMilliseconds: 40 });
    for (const ask of [async () => undefined, async () => await failureOf(store.append([large]))]) {
      while (store.health().ready) await store.append([large]);
      for (const name of (await readdir(directory)).filter((file) => file.endsWith('.jsonl')).slice(0, -1)) await rm(join(directory, name));
      while (!store.health().ready) {
        await ask();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await store.append([decided('small')]);
      expect(store.health()).toEqual({ ready: true, detail: '' });
    }
  });

  it('counts what it finds', async () => {
    const before = await open({ limitBytes: 100_000 });
    for (let turn = 0; turn < 3; turn += 1) await before.append([large]);
    await before.close();
    const store = await open({ limitBytes: 100_000 });
    expect(await failureOf(store.append([large]))).toBe(FULL);
  });
});

describe('after an error', () => {
  it('refuses while the segment is gone, and goes on when it is back', async () => {
    const failures: number[] = [];
    const store = await open({
      nameMilliseconds: 0,
      probeMilliseconds: 1_000_000,
      observer: { failed: (_error, refused) => failures.push(refused) },
    });
    await store.append([ended('a')]);
    await rename(directory, `${directory}.away`);
    expect(await failureOf(store.append([ended('lost')]))).toBe('58030 The audit store could not be written (ENOENT).');
    expect(await failureOf(store.append([ended('lost')]))).toMatch(/^58030 The audit store could not be written/);
    expect(store.health().ready).toBe(false);
    await mkdir(directory);
    expect(await failureOf(store.append([ended('lost')]))).toMatch(/^58030 The audit store could not be written/);
    await rm(directory, { recursive: true });
    await rename(`${directory}.away`, directory);
    expect(await store.append([ended('b')])).toEqual({ sequence: 4 });
    expect(store.health()).toEqual({ ready: true, detail: '' });
    const { findings, lines } = await readChain(directory);
    expect(findings).toEqual([]);
    expect(lines.map((line) => (line.type === 'recovered' ? [line.cause, line.bytes > 0, line.refused] : line.type))).toEqual([
      'segment',
      'session-ended',
      ['WriteFailed', true, 3],
      'session-ended',
    ]);
    expect(failures).toEqual([1, 1, 1]);
  });

  it('refuses when another process wrote to the segment, and leaves alone what it did not write where its lock is lost', async () => {
    const store = await open({ probeMilliseconds: 1_000_000 });
    await store.append([ended('a')]);
    await appendFile(segment(1), 'foreign\n');
    await rm(join(directory, (await readdir(directory)).find((file) => file.endsWith('.lock'))!));
    expect(await failureOf(store.append([ended('lost')]))).toBe('58030 The audit store could not be written (FOREIGN_WRITER).');
    expect(await failureOf(store.append([ended('lost')]))).toBe('58030 The audit store could not be written (LOCK_LOST).');
    expect(await readFile(segment(1), 'utf8')).toContain('foreign\n');
  });

  it('finds out by itself that it can write again', async () => {
    const store = await open({ nameMilliseconds: 0, probeMilliseconds: 5 });
    await store.append([ended('a')]);
    await rename(directory, `${directory}.away`);
    expect(await failureOf(store.append([ended('lost')]))).toBe('58030 The audit store could not be written (ENOENT).');
    await rename(`${directory}.away`, directory);
    await expect.poll(() => store.health(), { timeout: 10_000 }).toEqual({ ready: true, detail: '' });
    expect(await told()).toEqual(['segment', 'a', 'recovered']);
  });

  it('cuts nothing off a segment that does not end as it was left', async () => {
    const store = await open({ probeMilliseconds: 1_000_000 });
    await store.append([ended('a'), ended('b')]);
    await truncate(segment(1), 300);
    expect(await failureOf(store.append([ended('lost')]))).toBe('58030 The audit store could not be written (FOREIGN_WRITER).');
    expect(await failureOf(store.append([ended('lost')]))).toBe('58030 The audit store could not be written (UNEXPECTED_END).');
    expect((await stat(segment(1))).size).toBeGreaterThan(300);
    expect(store.health().ready).toBe(false);
  });
});
