import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRecord, StatementDecided } from '../kernel/audit-record.ts';
import { openAuditStore } from '../proxy/audit/audit-store.ts';
import { auditCommand } from './audit.ts';

let directory: string;
let minute = 0;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audit-command-'));
  minute = 0;
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const decided = (fields: Partial<StatementDecided>): StatementDecided => ({
  type: 'decision',
  session: 's1',
  agent: 'reporter',
  connection: 'shop/main',
  statement: 1,
  via: 'Query',
  decision: 'Allow',
  kinds: ['Select'],
  reasons: [],
  policies: [],
  revision: 'r1',
  sql: 'SELECT 1',
  relations: [],
  masked: [],
  filtered: [],
  ...fields,
});

const completed = (statement: number, session = 's1'): AuditRecord => ({
  type: 'completion',
  session,
  statement,
  outcome: 'Completed',
  rows: 2,
  bytes: 100,
  duration: 1.25,
});

/** Appends each record a minute after the one before, from 12:00. */
const write = async (records: readonly AuditRecord[], segmentBytes = 1_000_000): Promise<void> => {
  const clock = { now: () => new Date(Date.UTC(2026, 0, 31, 12, minute)), monotonic: () => 0 };
  const store = await openAuditStore({ directory, durability: () => 'Write', clock, segmentBytes });
  for (const record of records) {
    await store.append([record]);
    minute += 1;
  }
  await store.close();
};

const run = async (...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> => {
  const text = { out: '', err: '' };
  const code = await auditCommand(args, {
    out: (more) => void (text.out += more),
    err: (more) => void (text.err += more),
    columns: 120,
  });
  return { code, ...text };
};

const path = (number: number): string => join(directory, `audit-0000000${number}.jsonl`);

const edit = async (from: string, to: string): Promise<void> => writeFile(path(1), (await readFile(path(1), 'utf8')).replace(from, to));

const session = [decided({}), completed(1), decided({ statement: 2, sql: 'SELECT 2' }), completed(2)];

describe('audit verify', () => {
  it('names the segments and the end of an intact chain', async () => {
    await write(session, 1_300);
    const { code, out, err } = await run('verify', directory);
    const hash = (await readFile(path(2), 'utf8')).trimEnd().slice(-66, -2);
    expect(out.replace(/\d+ bytes/g, 'N bytes')).toBe(
      'audit-00000001.jsonl: 3 records, seq 1 to 3, 2026-01-31T12:00:00.000Z to 2026-01-31T12:01:00.000Z, N bytes\n' +
        'audit-00000002.jsonl: 3 records, seq 4 to 6, 2026-01-31T12:02:00.000Z to 2026-01-31T12:03:00.000Z, N bytes\n' +
        `intact: 2 segments, 6 records\nthe chain ends at 6:${hash}\n`,
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect((await run('verify', directory, '--until', `6:${hash}`)).code).toBe(0);
  });

  it('exits with 1 at an edited record, and names it', async () => {
    await write(session);
    await edit('SELECT 2', 'SELECT 3');
    const { code, out } = await run('verify', directory);
    expect(code).toBe(1);
    expect(out).toContain('  Edited      audit-00000001.jsonl:4: record 4: the record does not match its hash\n');
    expect(out).toMatch(/broken: 1 finding in 1 segment, 4 records\n$/);
  });

  it('reports a torn last record, and exits with 0', async () => {
    await write(session);
    await appendFile(path(1), '{"seq":6');
    const { code, out } = await run('verify', directory);
    expect(out).toContain('  Torn        audit-00000001.jsonl:6: record 6: the last 8 bytes are a record that was never finished\n');
    expect(code).toBe(0);
  });

  it('exits with 1 where the end that was noted is no longer there', async () => {
    await write(session);
    const { code, out } = await run('verify', directory, '--until', `9:${'0'.repeat(64)}`);
    expect(out).toContain('Truncated   audit-00000001.jsonl:5: records 6 to 9: the chain once reached record 9\n');
    expect(code).toBe(1);
  });

  it.each([
    [['verify'], 'one directory is needed'],
    [['verify', 'DIR', '--until', 'x'], '"x" is not a point of the chain (SEQ:HASH)'],
    [['verify', 'DIR', '--wrong'], "Unknown option '--wrong'"],
    [['prove', 'DIR'], '"prove" is no command'],
    [['verify', 'DIR'], 'there is no audit log in "DIR"'],
    [['verify', 'DIR/none'], 'ENOENT: no such file or directory'],
    [['show', 'DIR', '--since', 'soon'], '"soon" is not a time'],
    [['show', 'DIR', '--decision', 'No'], '"No" is not one of Allow, AuditOnly, Deny'],
  ])('exits with 2 at %j', async (args, message) => {
    const { code, out, err } = await run(...args.map((arg) => arg.replace('DIR', directory)));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(`pg-airlock audit: ${message.replace('DIR', directory)}`);
  });
});

describe('audit show', () => {
  it('prints a line for each statement', async () => {
    await write([
      {
        type: 'session-started',
        session: {
          id: 's1',
          identity: { agent: 'reporter', method: 'Password' },
          connection: 'shop/main',
          database: 'shop',
          clientAddress: '127.0.0.1',
          applicationName: 'psql',
        },
        revision: 'r1',
      },
      decided({ sql: 'SELECT $1', parameters: [{ text: 'x' }, { null: true }, { masked: true }] }),
      completed(1),
      decided({ statement: 2, decision: 'Deny', sql: 'TABLE secrets', reasons: [{ code: 'relation-refused', message: '' }] }),
      decided({ statement: 3, sql: 'SELECT 1/0' }),
      { type: 'completion', session: 's1', statement: 3, outcome: 'Failed', rows: 0, bytes: 0, duration: 0.5, sqlstate: '22012' },
      decided({ statement: 4, via: 'Parse', sql: 'TABLE orders' }),
      decided({ statement: 5, sql: 'SELECT pg_sleep(9)' }),
      { type: 'session-ended', session: 's1', reason: 'Terminate' },
    ]);
    expect((await run('show', directory)).out.split('\n')).toEqual([
      '2026-01-31 12:00:00.000  reporter          session    s1 begins: shop/main, database shop, from 127.0.0.1 (psql)',
      '2026-01-31 12:01:00.000  reporter          Allow      Select              2 rows        1.3 ms  ok          SELECT $1  -- $1 = …',
      '2026-01-31 12:03:00.000  reporter          Deny       Select        relation-refused                        TABLE secrets',
      '2026-01-31 12:04:00.000  reporter          Allow      Select              0 rows        0.5 ms  22012       SELECT 1/0',
      '2026-01-31 12:06:00.000  reporter          Allow      Select        prepared                                TABLE orders',
      '2026-01-31 12:08:00.000                    session    s1 ends: Terminate',
      '2026-01-31 12:07:00.000  reporter          Allow      Select        unfinished                              SELECT pg_sleep(9)',
      '',
    ]);
  });

  it('lets no statement forge a line or move the cursor', async () => {
    const sql = 'SELECT 1 --\n2026-01-31 12:00:00.000  boss          Allow\r\u001b[1A\u202e';
    await write([decided({ agent: 'a\nb', sql }), completed(1), { type: 'session-ended', session: 's\u001b[2J', reason: 'x\ny' }]);
    const { out } = await run('show', directory);
    expect(out.split('\n').length).toBe(3);
    expect(out).not.toMatch(/[^\P{C}\n]/u);
    expect(out).toContain('a\\nb');
  });

  it.each([
    [
      ['--agent', 'writer'],
      ['SELECT 3', 'SELECT 4'],
    ],
    [
      ['--session', 's1'],
      ['SELECT 1', 'SELECT 2'],
    ],
    [
      ['--decision', 'Deny'],
      ['SELECT 2', 'SELECT 4'],
    ],
    [['--agent', 'writer', '--decision', 'Allow'], ['SELECT 3']],
    [
      ['--since', '2026-01-31T12:03:00Z'],
      ['SELECT 3', 'SELECT 4'],
    ],
    [['--since', '1h'], []],
  ])('shows with %j only what is asked for', async (args, expected) => {
    await write([
      decided({ sql: 'SELECT 1' }),
      completed(1),
      decided({ statement: 2, decision: 'Deny', sql: 'SELECT 2' }),
      decided({ session: 's2', agent: 'writer', sql: 'SELECT 3' }),
      completed(1, 's2'),
      decided({ session: 's2', agent: 'writer', statement: 2, decision: 'Deny', sql: 'SELECT 4' }),
    ]);
    const { code, out } = await run('show', directory, ...args);
    expect({ code, shown: out.match(/SELECT \d/g) ?? [] }).toEqual({ code: 0, shown: expected });
    const json = (await run('show', directory, '--json', ...args)).out;
    expect(json.match(/SELECT \d/g) ?? []).toEqual(expected);
  });

  it('prints the records as they are stored', async () => {
    await write(session);
    const stored = (await readFile(path(1), 'utf8')).split('\n').slice(1).join('\n');
    expect((await run('show', directory, '--json')).out).toBe(stored);
  });

  it('leaves out what was changed, and says so', async () => {
    await write(session);
    await edit('SELECT 2', 'SELECT 3');
    const { out, err } = await run('show', directory);
    expect(out).not.toContain('SELECT 3');
    expect(err).toBe('1 lines are not as they were written, and are left out: pg-airlock audit verify names them\n');
  });

  it('follows what is added, into new segments too', async () => {
    await write(session);
    const stop = new AbortController();
    let out = '';
    const following = auditCommand(['show', directory, '--follow'], {
      out: (more) => void (out += more),
      err: () => undefined,
      columns: 120,
      signal: stop.signal,
    });
    await expect.poll(() => out, { timeout: 10_000 }).toContain('SELECT 2');
    await write([decided({ statement: 3, sql: 'SELECT 3' }), completed(3)], 100);
    await write([decided({ statement: 4, sql: 'SELECT 4' }), completed(4)], 100);
    await expect.poll(() => out, { timeout: 10_000 }).toContain('SELECT 4');
    stop.abort();
    expect(await following).toBe(0);
    expect(out.match(/SELECT \d/g)).toEqual(['SELECT 1', 'SELECT 2', 'SELECT 3', 'SELECT 4']);
  });
});
