/**
 * What a session's temporary tables are, through pipelines, portals and copies, under another policy, with PostgreSQL 14 to 18.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FINGERPRINT_SQL } from '../../proxy/catalog/catalog-queries.ts';
import { readChain } from '../audit/read-chain.ts';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { connectRaw, type RawClient, type RawFrame, responseFields, rowValues, send, types } from '../support/raw-client.ts';
import { startWorkshop, type Workshop } from './workshop.ts';

const RULES = `
    - name: not-too-many
      match: { statements: [Create, Insert], rowsAffectedOver: 5 }
      action: Deny
    - name: scratch
      match: { statements: [Create, Alter, Drop, Truncate, Analyze], schemas: [pg_temp] }
      action: Allow
`;

let workshop: Workshop;
beforeAll(async () => {
  workshop = await startWorkshop(18, { rules: RULES });
}, 60_000);
afterAll(() => workshop.stop());

const open = async (): Promise<RawClient> => {
  const client = await connectRaw(workshop.proxy.port);
  await client.login({ user: 'builder', database: 'postgres', password: 'agent' });
  await client.query('SET search_path = app');
  return client;
};

const run = (sql: string, name = ''): readonly Buffer[] => [send.parse(name, sql), send.bind('', name), send.execute()];

const values = (frames: readonly RawFrame[]): readonly (string | undefined)[] =>
  frames.filter(({ type }) => type === 'D').map((each) => rowValues(each)[0]?.toString());

const codes = (frames: readonly RawFrame[]): readonly (string | undefined)[] =>
  frames.filter(({ type }) => type === 'E').map((each) => responseFields(each).C);

/** Everything up to the end of so many messages. */
const ends = async (client: RawClient, count: number): Promise<readonly RawFrame[]> => {
  const frames: RawFrame[] = [];
  for (let index = 0; index < count; index += 1) frames.push(...(await client.until('Z')));
  return frames;
};

describe('a temporary table', () => {
  it('is known to what follows it in a pipeline', async () => {
    const client = await open();
    const frames = await client.exchange(
      ...run('CREATE TEMP TABLE t AS SELECT id FROM orders'),
      ...run('INSERT INTO t VALUES (7)'),
      ...run('SELECT max(id) FROM t'),
      ...run('ALTER TABLE t RENAME TO t2'),
      ...run('SELECT min(id) FROM t2'),
      send.sync(),
    );
    expect([codes(frames), values(frames)]).toEqual([[], ['7', '1']]);
    client.write(...run('DROP TABLE t2'), send.sync(), ...run('SELECT id FROM t2'), send.sync());
    expect(codes(await ends(client, 2))).toEqual(['42P01']);
    client.write(send.terminate());
  });

  it('is not, where what would make it fails', async () => {
    const client = await open();
    client.write(
      ...run('CREATE TEMP TABLE t (a int)'),
      ...run('SELECT 1 / (id - 1) FROM orders'),
      send.sync(),
      ...run('SELECT a FROM t'),
      send.sync(),
      send.query('BEGIN; CREATE TEMP TABLE t (a int); SELECT 1/0'),
      send.query('ROLLBACK'),
      send.query('SELECT a FROM t'),
    );
    expect(codes(await ends(client, 5))).toEqual(['22012', '42P01', '22012', '42P01']);
    client.write(send.terminate());
  });

  it('that is there does not hold up a pipeline, nor is it lost in one', async () => {
    const client = await open();
    await client.query('CREATE TEMP TABLE t AS SELECT 5 AS a');
    client.write(
      ...Array.from({ length: 20 }, () => [...run('SELECT a FROM t'), send.sync()]).flat(),
      send.query('BEGIN'),
      send.query('DROP TABLE t'),
      send.query('ROLLBACK'),
      ...run('SELECT a FROM t'),
      send.sync(),
    );
    const frames = await ends(client, 24);
    expect([codes(frames), values(frames)]).toEqual([[], Array.from({ length: 21 }, () => '5')]);
    client.write(send.terminate());
  });

  it('may be dropped if it is there, by a rule for temporary tables alone', async () => {
    const client = await open();
    await client.query('SET search_path = public');
    const answers: (string | undefined)[] = [];
    for (const sql of [
      'DROP TABLE IF EXISTS t, t2',
      'CREATE TEMP TABLE t (a int)',
      'DROP TABLE IF EXISTS t',
      'DROP TABLE IF EXISTS t',
      'SELECT a FROM t',
    ])
      answers.push(codes(await client.query(sql))[0]);
    expect(answers).toEqual([undefined, undefined, undefined, undefined, '42P01']);
    expect(codes(await client.query('DROP TABLE IF EXISTS public.t'))).toEqual(['42501']);
    client.write(send.terminate());
  });

  it('takes rows by COPY, and gives them', async () => {
    const client = await open();
    await client.query('CREATE TEMP TABLE t (a int, b text)');
    client.write(send.query('COPY t (a, b) FROM STDIN'), send.copyData('1\tx\n2\ty\n'), send.copyDone());
    await client.until('Z');
    expect(types(await client.exchange(send.query('COPY t TO STDOUT')))).toBe('H d d c C Z');
    client.write(send.terminate());
  });

  it('leaves cursors, portals and prepared statements that were there as they are', async () => {
    const client = await open();
    await client.exchange(send.parse('s', 'SELECT ssn FROM users ORDER BY id'), send.sync());
    for (const sql of ['PREPARE p AS SELECT ssn FROM users', 'BEGIN', 'DECLARE c CURSOR FOR SELECT id FROM orders ORDER BY id'])
      await client.query(sql);
    await client.exchange(
      send.parse('', 'SELECT id FROM orders ORDER BY id'),
      send.bind('portal', ''),
      send.execute('portal', 1),
      send.sync(),
    );
    await client.query('CREATE TEMP TABLE t (ssn text)');
    const frames = await client.exchange(send.execute('portal', 1), send.bind('', 's'), send.execute('', 1), send.sync());
    expect([codes(frames), values(frames)]).toEqual([[], ['2', '***']]);
    expect([values(await client.query('FETCH c')), values(await client.query('EXECUTE p'))]).toEqual([['1'], ['***', '***']]);
    client.write(send.terminate());
  });

  it('is made of no more rows than rules let through', async () => {
    const client = await open();
    expect(codes(await client.query('CREATE TEMP TABLE t AS SELECT generate_series(1, 6)'))).toEqual(['42501']);
    expect(codes(await client.query('SELECT 1 FROM t'))).toEqual(['42P01']);
    expect(codes(await client.query('CREATE TEMP TABLE t AS SELECT generate_series(1, 5) AS a'))).toEqual([]);
    expect(codes(await client.query('INSERT INTO t SELECT generate_series(1, 6)'))).toEqual(['42501']);
    expect(values(await client.query('SELECT count(*) FROM t'))).toEqual(['5']);
    client.write(send.terminate());
  });

  it("is refused to all but definitions' own rules once no rule opens it, and there again with the rule", async () => {
    const client = await open();
    await client.query('CREATE TEMP TABLE t AS SELECT 5 AS a');
    await client.exchange(send.parse('s', 'SELECT a FROM t'), send.sync());
    const until = async (expected: string | undefined): Promise<readonly (string | undefined)[]> => {
      for (;;) {
        const [code] = codes(await client.query('SELECT a FROM t'));
        if (code === expected) return codes(await client.exchange(send.bind('', 's'), send.execute(), send.sync()));
      }
    };
    await workshop.become('');
    expect(await until('42501')).toEqual(['42501']);
    expect(codes(await client.query('INSERT INTO t VALUES (1)'))).toEqual(['42501']);
    await workshop.become(RULES);
    expect(await until(undefined)).toEqual([]);
    client.write(send.terminate());
  });

  it("is found by psql's \\d", async () => {
    const { stdout } = await promisify(execFile)('psql', [
      '-X',
      workshop.proxy.url('builder', 'postgres', 'agent'),
      '-c',
      'CREATE TEMP TABLE t (a int PRIMARY KEY, b text DEFAULT now())',
      '-c',
      '\\d t',
      '-c',
      '\\dt t',
    ]);
    expect(stdout).toMatch(/Table "pg_temp_\d+\.t"/);
    expect(stdout).toContain('"t_pkey" PRIMARY KEY, btree (a)');
    expect(stdout).toMatch(/pg_temp_\d+ \| t {4}\| table \| owner/);
  });

  it('is not compared with rows that are hidden, for its columns may be of another collation than it seems', async () => {
    const client = await open();
    await client.query('CREATE TEMP TABLE t (x text)');
    await client.query('ALTER TABLE t ALTER COLUMN x TYPE text COLLATE "C"');
    await client.query('SELECT k.id FROM tickets k JOIN t AS collated ON k.subject = collated.x');
    client.write(send.terminate());
    const { lines } = await readChain(workshop.proxy.auditDirectory);
    const [record] = lines.flatMap((line) => ('decision' in line && line.sql.includes('collated') ? [line] : []));
    expect(record?.sent).toContain('OFFSET 0');
  });

  it('changes nothing for others', async () => {
    const client = await open();
    const before = await workshop.server.sql(FINGERPRINT_SQL);
    await client.query('CREATE TEMP TABLE t (a int PRIMARY KEY CHECK (a > 0), b int GENERATED ALWAYS AS (a + 1) STORED, c serial)');
    expect(await workshop.server.sql(FINGERPRINT_SQL)).toEqual(before);
    client.write(send.terminate());
  });

  it('is in the record of what was done', async () => {
    const client = await open();
    await client.query('CREATE TEMP TABLE recorded AS SELECT ssn FROM users');
    await client.query('SELECT ssn FROM recorded');
    client.write(send.terminate());
    const { lines } = await readChain(workshop.proxy.auditDirectory);
    const records = lines.flatMap((line) => ('decision' in line && line.sql.includes('recorded') ? [line] : []));
    expect(records.map(({ decision, relations, masked }) => ({ decision, relations, masked }))).toEqual([
      { decision: 'Allow', relations: ['app.users'], masked: ['app.users.ssn'] },
      { decision: 'Allow', relations: ['pg_temp.recorded'], masked: [] },
    ]);
  });
});

describe.each(POSTGRES_VERSIONS.filter((version) => version < 18))('with PostgreSQL %i', (version) => {
  it('temporary tables work, and are kept from names that functions mean', async () => {
    const older = await startWorkshop(version, {
      rules: RULES,
      sql: `CREATE FUNCTION app.collect() RETURNS int LANGUAGE plpgsql AS $$
        BEGIN DROP TABLE IF EXISTS staged; CREATE TEMPORARY TABLE "Kept" AS SELECT 1; RETURN 1; END $$;`,
    });
    const session = await older.session();
    const answers: unknown[] = [];
    for (const sql of [
      'CREATE TEMP TABLE t AS SELECT id, ssn FROM users',
      'SELECT ssn, t.id FROM t JOIN orders USING (id) ORDER BY 2',
      'CREATE TEMP TABLE staged (a int)',
      'CREATE TEMP TABLE "Kept" (a int)',
      'BEGIN',
      'CREATE TEMP TABLE d ON COMMIT DROP AS SELECT 1 AS a',
      'INSERT INTO d VALUES (2) RETURNING a',
      'COMMIT',
      'SELECT a FROM d',
      'CREATE TEMP TABLE u (id serial PRIMARY KEY, n int GENERATED ALWAYS AS (5) STORED, CHECK (id > 0))',
      'INSERT INTO u DEFAULT VALUES RETURNING *',
    ])
      answers.push(await session.run(sql));
    const masked = [1, 2].map((id) => ({ ssn: '***', id }));
    const named = expect.stringMatching(/^42501: permission denied to create "pg_temp\./);
    expect(answers).toEqual([[], masked, named, named, [], [], [{ a: 2 }], [], expect.stringMatching(/^42P01/), [], [{ id: 1, n: 5 }]]);
    await session.end();
    await older.stop();
  }, 60_000);
});
