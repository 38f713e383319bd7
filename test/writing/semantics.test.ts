/**
 * What writing comes to behind the airlock: masks, row filters and column grants on the target, with PostgreSQL's own defaults, triggers,
 * foreign keys, partitions and error texts around them.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const API = 'pg-airlock.dev/v1alpha1';

const SCHEMA = `
  CREATE TABLE users (
    id int PRIMARY KEY, name varchar(20), ssn text, secret text DEFAULT 'hidden', loud text GENERATED ALWAYS AS (upper(name)) STORED);
  CREATE TABLE orders (
    id serial PRIMARY KEY, tenant int NOT NULL DEFAULT 1, total numeric(10,2), note text, user_id int REFERENCES users);
  CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.note = 'move' THEN NEW.tenant := 2; END IF; RETURN NEW; END $$;
  CREATE TRIGGER move BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION move();
  CREATE TABLE events (day int, tenant int, what text) PARTITION BY LIST (day);
  CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);
  CREATE TABLE events_2 PARTITION OF events FOR VALUES IN (2);
  CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.name = 'loud' THEN RAISE EXCEPTION 'ssn is %', OLD.ssn; END IF;
    IF NEW.name = 'check' THEN RAISE EXCEPTION 'ssn is %', OLD.ssn USING ERRCODE = 'check_violation', HINT = OLD.ssn; END IF;
    IF NEW.name = 'notice' THEN RAISE NOTICE 'ssn is %', OLD.ssn; END IF;
    RETURN NEW; END $$;
  CREATE TRIGGER tell BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION tell();
  CREATE FUNCTION tell_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.name = 'late' THEN RAISE NOTICE 'ssn was %', OLD.ssn; RAISE EXCEPTION 'ssn was %', OLD.ssn USING ERRCODE = '42501'; END IF;
    RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER tell_late AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell_late();
  CREATE TABLE logs (id int, what text);
  CREATE VIEW everyone AS SELECT id, name, ssn FROM users;
  CREATE ROLE agent LOGIN;
  GRANT ALL ON ALL TABLES IN SCHEMA public TO agent;
  GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO agent;
`;

const SEED = `
  TRUNCATE users, orders, events, logs RESTART IDENTITY CASCADE;
  INSERT INTO users VALUES (1, 'ann', '123-45-6789', 's1'), (2, 'bob', '987-65-4321', 's2');
  INSERT INTO orders (tenant, total, note, user_id) VALUES (1, 10, 'a', 1), (2, 0, 'b', 2), (1, 30, 'c', NULL);
  INSERT INTO events VALUES (1, 1, 'x'), (1, 2, 'y'), (2, 1, 'z');
`;

const GRANTS = [
  {
    name: 'public.users',
    select: { columns: ['id', 'name', 'loud'], masks: [{ column: 'ssn', mask: { type: 'KeepLast', keepLast: { characters: 4 } } }] },
    insert: { columns: ['id', 'name', 'ssn'] },
    update: { columns: ['name', 'ssn'] },
  },
  {
    name: 'public.orders',
    where: 'tenant = 1',
    select: { columns: ['*'] },
    insert: { columns: ['*'] },
    update: { columns: ['tenant', 'total', 'note'] },
    delete: {},
  },
  {
    name: 'public.events',
    where: 'tenant = 1',
    select: { columns: ['*'] },
    insert: { columns: ['*'] },
    update: { columns: ['*'] },
    delete: {},
  },
  { name: 'public.logs', insert: { columns: ['*'] } },
  { name: 'public.everyone', select: { columns: ['*'] }, update: { columns: ['*'] } },
];

const manifests = (port: number): Readonly<Record<string, unknown>> => ({
  secret: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { username: 'agent', password: 'p' } },
  connection: {
    apiVersion: API,
    kind: 'DatabaseConnection',
    metadata: { name: 'db' },
    spec: {
      host: '127.0.0.1',
      port,
      database: 'postgres',
      tls: { mode: 'Disable' },
      credentials: { secretRef: { name: 's' } },
      audit: { durability: 'Write' },
    },
  },
  policy: {
    apiVersion: API,
    kind: 'DatabaseAccessPolicy',
    metadata: { name: 'p' },
    spec: { connectionRef: { name: 'db' }, subjects: [{ agent: { name: 'bot', passwordSecretRef: { name: 's' } } }], relations: GRANTS },
  },
});

const VIOLATED = '42501 new row violates the row filter of relation "public.orders"';
const MASK = '42501 permission denied to write a mask over column "ssn" of relation "public.users"';

/** Statement, what the client is told, and what a look as superuser finds then. */
type Case = readonly [sql: string, told: unknown, look?: string, found?: unknown];

const CASES: readonly Case[] = [
  [`INSERT INTO orders (total) VALUES (5), (6)`, 'INSERT 2', 'SELECT count(*)::int AS n FROM orders WHERE tenant = 1', [4]],
  [`INSERT INTO orders (tenant, total) VALUES (1, 5), (2, 6)`, VIOLATED, 'SELECT count(*)::int AS n FROM orders', [3]],
  [`INSERT INTO orders (note) VALUES ('move') RETURNING id`, VIOLATED],
  [`INSERT INTO orders (total) VALUES (5) RETURNING id, total, total * 2`, [[4, '5.00', '10.00']]],
  [
    `INSERT INTO orders (total) SELECT total FROM orders RETURNING *`,
    [
      [4, 1, '10.00', null, null],
      [5, 1, '30.00', null, null],
    ],
  ],
  [`UPDATE orders SET total = total + 1`, 'UPDATE 2', 'SELECT total FROM orders ORDER BY id', ['11.00', '0.00', '31.00']],
  [`UPDATE orders SET total = 1 / total WHERE 1 / total < 1 RETURNING id`, [[1], [3]]],
  [`UPDATE orders SET tenant = 2 WHERE id = 1`, VIOLATED],
  [`UPDATE orders SET note = 'move' WHERE id = 1 RETURNING *`, VIOLATED],
  [`UPDATE orders SET tenant = NULL WHERE id = 1`, expect.stringMatching(/^23502 null value in column "tenant"/)],
  [`UPDATE orders o SET note = u.ssn FROM users u WHERE u.id = o.user_id RETURNING o.note, u.*`, [['***6789', 1, 'ann', '***6789', 'ANN']]],
  [`DELETE FROM orders`, 'DELETE 2', 'SELECT id FROM orders', [2]],
  [`DELETE FROM orders o USING users u WHERE u.id = o.user_id RETURNING o.id, u.ssn`, [[1, '***6789']]],
  [`WITH gone AS (DELETE FROM orders RETURNING *) SELECT sum(total) FROM gone`, [['40.00']]],
  [`WITH made AS (INSERT INTO orders (tenant) VALUES (2)) SELECT 1`, VIOLATED],
  [`UPDATE events SET day = 2 WHERE day = 1`, 'UPDATE 1', 'SELECT day, tenant FROM events ORDER BY what', [2, 1, 2]],
  [`INSERT INTO events VALUES (2, 2, 'n')`, '42501 new row violates the row filter of relation "public.events"'],
  [`INSERT INTO logs VALUES (1, 'x')`, 'INSERT 1'],
  [`INSERT INTO logs VALUES (1, 'x') RETURNING id`, '42501 permission denied for column "id" of relation "public.logs"'],
  [`DELETE FROM logs`, '42501 permission denied to delete on relation "logs"'],
  [`UPDATE users SET name = ssn WHERE id = 1 RETURNING name, loud`, [['***6789', '***6789']]],
  [`UPDATE users SET ssn = '***6789' WHERE id = 1`, MASK],
  [`UPDATE users SET ssn = 'new' WHERE ssn = '***6789'`, 'UPDATE 1', 'SELECT ssn FROM users ORDER BY id', ['new', '987-65-4321']],
  [`UPDATE users u SET ssn = x.ssn FROM users x WHERE x.id = u.id`, MASK],
  [`UPDATE users SET (name, ssn) = (SELECT name, ssn FROM users x WHERE x.id = users.id)`, MASK],
  [`UPDATE users SET secret = 'x'`, '42501 permission denied to update column "secret" of relation "users"'],
  [`UPDATE users SET name = 'loud'`, 'P0001 could not compute a value that the policy protects'],
  [`UPDATE users SET name = 'check'`, '23514 could not compute a value that the policy protects'],
  [`UPDATE users SET name = 'late'`, '42501 could not compute a value that the policy protects'],
  [`UPDATE users SET name = 'far too long for this column'`, expect.stringMatching(/^22001 value too long/)],
  [`UPDATE users SET name = secret`, '42501 permission denied for column "secret" of relation "public.users"'],
  [
    `UPDATE users SET name = (SELECT users.ssn FROM (orders JOIN orders AS users ON true) AS j)`,
    expect.stringMatching(/^0A000 column reference "ssn" is not certain/),
  ],
  [`INSERT INTO users (id, name, ssn) VALUES (3, 'cy', '111-22-3333') RETURNING *`, [[3, 'cy', '***3333', 'CY']]],
  [`INSERT INTO users (id, name) VALUES (1, 'x')`, expect.stringMatching(/^23505 duplicate key value/)],
  [
    `INSERT INTO users (id, name, ssn) VALUES (1, 'x', 'y') ON CONFLICT (id) DO UPDATE SET name = excluded.name, ssn = excluded.ssn`,
    'INSERT 1',
    'SELECT ssn, name FROM users WHERE id = 1',
    ['y'],
  ],
  [`INSERT INTO users (id, ssn) VALUES (1, '***6789') ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn`, MASK],
  [`INSERT INTO orders (id, total) VALUES (2, 5) ON CONFLICT (id) DO UPDATE SET total = 5`, VIOLATED],
  [`INSERT INTO orders (id, total) VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET total = excluded.total RETURNING total`, [['5.00']]],
  [`UPDATE everyone SET name = 'x'`, expect.stringMatching(/^42501 permission denied for relation "everyone"/)],
  [`DELETE FROM orders WHERE note = 'b' OR 1 / total > 0`, 'DELETE 2', 'SELECT id FROM orders', [2]],
  [`SELECT id FROM orders WHERE id = 1 FOR UPDATE`, [[1]]],
  [
    `UPDATE orders SET note = 'taken' WHERE id = (SELECT id FROM orders WHERE total < 40 ORDER BY id DESC LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id`,
    [[3]],
  ],
  [
    `WITH next AS (SELECT id FROM orders WHERE note <> 'a' ORDER BY id FOR UPDATE SKIP LOCKED) UPDATE orders o SET note = 'taken' FROM next WHERE o.id = next.id RETURNING o.id`,
    [[3]],
  ],
  [`DELETE FROM orders WHERE id IN (SELECT id FROM orders ORDER BY id LIMIT 5 FOR UPDATE) RETURNING id`, [[1], [3]]],
  [`SELECT id FROM logs FOR SHARE`, expect.stringMatching(/^42501 permission denied/)],
];

const SINCE_15: readonly Case[] = [
  [
    `MERGE INTO orders USING (VALUES (1), (2)) v (i) ON id = i WHEN MATCHED THEN DELETE`,
    'MERGE 1',
    'SELECT id FROM orders ORDER BY 1',
    [2, 3],
  ],
  [
    `MERGE INTO users u USING (VALUES (1)) v (i) ON u.id = i WHEN MATCHED THEN UPDATE SET name = u.ssn`,
    'MERGE 1',
    'SELECT name FROM users ORDER BY id',
    ['***6789', 'bob'],
  ],
];

const SINCE_17: readonly Case[] = [
  [
    `MERGE INTO orders o USING (VALUES (1), (7)) v (i) ON o.id = i WHEN MATCHED THEN UPDATE SET total = 1 WHEN NOT MATCHED THEN INSERT (id) VALUES (i) RETURNING merge_action(), o.id`,
    [
      ['UPDATE', 1],
      ['INSERT', 7],
    ],
  ],
  [`MERGE INTO orders USING (VALUES (1)) v (i) ON id = i WHEN MATCHED THEN UPDATE SET tenant = 2`, VIOLATED],
  [
    `MERGE INTO orders USING (VALUES (1)) v (i) ON id = i WHEN NOT MATCHED BY SOURCE THEN DELETE`,
    'MERGE 1',
    'SELECT id FROM orders ORDER BY 1',
    [1, 2],
  ],
];

const SINCE_18: readonly Case[] = [
  [`UPDATE users SET ssn = 'x' WHERE id = 1 RETURNING old.ssn, new.ssn, old.*`, [['***6789', '***', 1, 'ann', '***6789', 'ANN']]],
  [
    `UPDATE users SET ssn = 'x' WHERE id = 1 RETURNING WITH (OLD AS o) to_json(o)::text`,
    [['{"id":1,"name":"ann","ssn":"***6789","loud":"ANN"}']],
  ],
];

describe.each(POSTGRES_VERSIONS)('writing on PostgreSQL %i', (version) => {
  let postgres: TestPostgres;
  let proxy: TestProxy;
  let folder: string;
  let client: pg.Client;

  beforeAll(async () => {
    postgres = await startPostgres({ version });
    await postgres.sql(SCHEMA);
    folder = await mkdtemp(join(tmpdir(), 'pg-airlock-semantics-'));
    for (const [name, object] of Object.entries(manifests(postgres.port)))
      await writeFile(join(folder, `${name}.json`), JSON.stringify(object));
    proxy = await startProxy({ manifests: folder });
    client = new pg.Client({ connectionString: proxy.url('bot', 'postgres', 'p') });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await proxy.stop();
    await postgres.stop('immediate');
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await postgres.sql(SEED);
  });

  const tell = async (text: string, extended: boolean): Promise<unknown> => {
    try {
      const config = { text, rowMode: 'array' as const, ...(extended && { queryMode: 'extended' }) };
      const { command, rowCount, rows } = await client.query<unknown[]>(config);
      return rows.length > 0 ? rows : `${command} ${rowCount}`;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      return `${error.code} ${error.message}`;
    }
  };

  const cases = [...CASES, ...(version >= 15 ? SINCE_15 : []), ...(version >= 17 ? SINCE_17 : []), ...(version >= 18 ? SINCE_18 : [])];
  it.each(cases.map((each) => ({ each, name: each[0] })))('$name', async ({ each: [sql, told, look, found] }) => {
    for (const extended of [false, true]) {
      await postgres.sql(SEED);
      expect(await tell(sql, extended)).toEqual(told);
      const looked = look === undefined ? undefined : (await postgres.sql(look)).map((row) => Object.values(row)[0]);
      expect(looked).toEqual(found);
    }
  });

  it('triggers say nothing of rows whose columns are hidden, also at the end of the transaction', async () => {
    const notices: unknown[] = [];
    const listen = ({ message }: { readonly message: string | undefined }): unknown => notices.push(message);
    client.on('notice', listen);
    expect(await tell(`UPDATE users SET name = 'notice'`, false)).toBe('UPDATE 2');
    expect(await tell(`UPDATE users SET name = 'notice'`, true)).toBe('UPDATE 2');
    await client.query('BEGIN');
    expect(await tell(`UPDATE users SET name = 'late'`, false)).toBe('UPDATE 2');
    expect(await tell('COMMIT', true)).toBe('42501 could not compute a value that the policy protects');
    expect(await tell('ROLLBACK', true)).toBe('ROLLBACK null');
    client.off('notice', listen);
    expect(notices).toEqual(['there is no transaction in progress']);
  });

  it('a value learned of one statement does not hold for another', async () => {
    expect(await tell(`UPDATE users SET ssn = 'a' WHERE id = 1`, false)).toBe('UPDATE 1');
    expect(await tell(`UPDATE users SET ssn = 'b' WHERE id = 2`, false)).toBe('UPDATE 1');
    expect(await tell(`UPDATE users SET ssn = '***' WHERE id = 1`, false)).toBe(MASK);
  });
});
