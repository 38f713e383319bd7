/** Row-level security of the database, beside the masks and row filters of a policy: each hides what it hides alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorld, type World } from './world.ts';

/** Both sides show row 1; row 2 is hidden by the database alone, row 3 by the policy alone, row 4 by both. */
const ROWS = `VALUES (1, 1, 5, 'mine', 'S1'), (2, 2, 5, 'other team', 'S2'), (3, 1, 6, 'other tenant', 'S3'), (4, 2, 6, 'neither', 'S4')`;
const COLUMNS = '(id int PRIMARY KEY, team int, tenant int, title text, secret text)';

const SECURED: Readonly<Record<string, string>> = {
  plain: 'USING (team = 1)',
  by_function: 'USING (public.is_own(team))',
  by_setting: `USING (team = current_setting('app.team')::int)`,
  by_role: `USING (EXISTS (SELECT FROM public.members m WHERE m.role = current_user AND m.team = by_role.team))`,
  forced: 'USING (team = 1)',
  twice: 'USING (team = 1); CREATE POLICY more ON twice AS RESTRICTIVE USING (team < 2)',
};
const NAMES = Object.keys(SECURED);

const schema = (version: number): string => `
CREATE ROLE app LOGIN PASSWORD 'postgres'; ALTER ROLE app SET app.team = '1';
CREATE TABLE members (role name, team int); INSERT INTO members VALUES ('app', 1); GRANT SELECT ON members TO app;
CREATE FUNCTION is_own(int) RETURNS bool LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN $1 = 1; END $$;
${NAMES.map((name) => `CREATE TABLE ${name} ${COLUMNS}; INSERT INTO ${name} ${ROWS}; CREATE INDEX ON ${name} (title); GRANT ALL ON ${name} TO app;`).join('\n')}
ALTER TABLE forced OWNER TO app; ALTER TABLE forced FORCE ROW LEVEL SECURITY;
${NAMES.map((name) => `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON ${name} ${SECURED[name]};`).join('\n')}
CREATE TABLE narrow ${COLUMNS}; INSERT INTO narrow ${ROWS}; GRANT ALL ON narrow TO app; ALTER TABLE narrow ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON narrow FOR SELECT USING (team = 1); CREATE POLICY writes ON narrow FOR INSERT WITH CHECK (true);
CREATE TABLE whole ${COLUMNS}; INSERT INTO whole ${ROWS}; GRANT ALL ON whole TO app;
ALTER TABLE whole ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON whole USING (team = 1);
CREATE VIEW over_plain ${version >= 15 ? 'WITH (security_invoker)' : ''} AS SELECT id, tenant, title, secret FROM plain;
CREATE VIEW by_owner AS SELECT id, tenant, title, secret FROM plain;
CREATE VIEW barrier WITH (security_barrier) AS SELECT id, tenant, title, secret FROM forced;
ALTER VIEW barrier OWNER TO app;
GRANT SELECT ON over_plain, by_owner, barrier TO app;
ANALYZE;
`;

const all = `select: { columns: ['*'], masks: [{ column: secret, mask: { type: KeepLast, keepLast: { characters: 1 } } }] }`;
const writes = `insert: { columns: ['*'] }, update: { columns: [team, title, tenant] }, delete: {}`;
const POLICY = `
${[...NAMES, 'narrow'].map((name) => `    - { name: public.${name}, where: tenant = 5, ${all}, ${writes} }`).join('\n')}
    - { name: public.whole, select: { columns: ['*'] }, ${writes} }
${['over_plain', 'by_owner', 'barrier'].map((name) => `    - { name: public.${name}, select: { columns: ['*'] } }`).join('\n')}
`;

/** Each would fail for the row with this id. */
const failing = (table: string, id: number): readonly string[] => [
  `SELECT id FROM ${table} WHERE 1 / (id - ${id}) IS NOT NULL`,
  `SELECT id FROM ${table} WHERE title LIKE '%' AND (CASE WHEN id = ${id} THEN title::int ELSE 1 END) = 1`,
  `SELECT id FROM ${table} ORDER BY 1 / (id - ${id})`,
  `SELECT id FROM ${table} GROUP BY id HAVING sum(1 / (id - ${id})) IS NOT NULL`,
  `SELECT t.id FROM ${table} t JOIN (VALUES (${id}), (1)) v(n) ON t.id = v.n AND n / (t.id - ${id}) IS NOT NULL`,
  `SELECT id FROM ${table} WHERE id = ANY (ARRAY[1, ${id}]) AND (1 / (id - ${id})) IS NOT NULL`,
];

describe.each([18, 15, 14] as const)('row-level security on PostgreSQL %i', (version) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ version, schema: schema(version), policies: { ann: POLICY }, role: 'app' });
  }, 120_000);
  afterAll(() => world.stop());
  const ask = (sql: string) => world.ask('ann', sql);
  const views = version >= 15 ? ['over_plain', 'barrier'] : ['barrier'];

  it.each(NAMES)('shows what both show: %s', async (name) => {
    expect(await ask(`SELECT * FROM ${name}`)).toEqual([['1', '1', '5', 'mine', '***1']]);
    expect(await ask(`TABLE ${name}`)).toEqual([['1', '1', '5', 'mine', '***1']]);
    expect(await ask(`SELECT id FROM ${name} WHERE title = 'other team' OR id = 2 OR tenant = 6`)).toEqual([]);
    expect(await ask(`SELECT count(*), max(title), max(secret) FROM ${name}`)).toEqual([['1', 'mine', '***1']]);
    expect(await ask(`SELECT id FROM ${name} WHERE secret LIKE 'S%'`)).toEqual([]);
  });

  it.each([...NAMES, ...views])('evaluates nothing of the agent on rows that either hides: %s', async (name) => {
    const statements = [2, 3, 4].flatMap((id) => failing(name, id));
    for (const sql of statements) expect([sql, await ask(sql)]).toEqual([sql, [['1']]]);
  });

  it('evaluates nothing on rows that the database hides where the policy hides none', async () => {
    const statements = [2, 4].flatMap((id) => failing('whole', id));
    for (const sql of statements)
      expect([sql, await ask(`${sql.replace('ORDER BY', 'WHERE id = 1 ORDER BY')}`)]).not.toContain('division by zero');
    expect(await ask('SELECT id FROM whole ORDER BY 1')).toEqual([['1'], ['3']]);
  });

  it('shows by views what their owners see, under the policy', async () => {
    expect(await ask('SELECT * FROM barrier')).toEqual([['1', '5', 'mine', '***1']]);
    expect(await ask('SELECT id, secret FROM by_owner ORDER BY id')).toEqual([
      ['1', '***1'],
      ['2', '***2'],
    ]);
    const invoked = await ask('SELECT id, secret FROM over_plain ORDER BY id');
    expect(invoked).toEqual(
      version >= 15
        ? [['1', '***1']]
        : [
            ['1', '***1'],
            ['2', '***2'],
          ],
    );
  });

  it('writes only rows that both let be written', async () => {
    for (const name of ['plain', 'forced', 'by_function']) {
      await ask('BEGIN');
      expect(await ask(`UPDATE ${name} SET title = 'x' RETURNING id, secret`)).toEqual([['1', '***1']]);
      expect(await ask(`UPDATE ${name} SET title = 'y' WHERE 1 / (id - 2) + 1 / (id - 3) IS NOT NULL RETURNING id`)).toEqual([['1']]);
      expect(await ask(`INSERT INTO ${name} VALUES (5, 1, 5, 'new', 'S9') RETURNING id, secret`)).toEqual([['5', '***9']]);
      expect(await ask(`DELETE FROM ${name} RETURNING id`)).toEqual([['1'], ['5']]);
      await ask('ROLLBACK');
      const hidden = await world.postgres.sql(`SELECT string_agg(title, ',' ORDER BY id) AS titles FROM ${name}`);
      expect(hidden).toEqual([{ titles: 'mine,other team,other tenant,neither' }]);
    }
    expect(await ask(`INSERT INTO plain VALUES (5, 2, 5, 'x', 's')`)).toContain('violates row-level security policy');
    expect(await ask(`INSERT INTO plain VALUES (5, 1, 6, 'x', 's')`)).toContain('violates the row filter');
    expect(await ask(`UPDATE plain SET team = 2`)).toContain('violates row-level security policy');
    expect(await ask(`UPDATE plain SET tenant = 6`)).toContain('violates the row filter');
    expect(await ask(`INSERT INTO plain VALUES (2, 1, 5, 'x', 's') ON CONFLICT (id) DO UPDATE SET title = 'x'`)).toContain(
      'violates row-level security policy',
    );
    expect(await ask(`INSERT INTO plain VALUES (3, 1, 5, 'x', 's') ON CONFLICT (id) DO UPDATE SET title = 'x'`)).toContain(
      'violates the row filter',
    );
  });

  it('takes rows that the agent may see alone, where it may see a part', async () => {
    // New rows are checked as RETURNING reads them.
    expect(await ask(`INSERT INTO narrow VALUES (6, 2, 5, 'x', 's')`)).toContain('violates row-level security policy');
    expect(await ask(`INSERT INTO narrow VALUES (6, 1, 5, 'x', 's')`)).toEqual([]);
  });

  it('is out of the reach of settings', async () => {
    for (const sql of [
      `SET app.team = 2`,
      `SELECT set_config('app.team', '2', false)`,
      'SET row_security = off',
      'SET ROLE postgres',
      'RESET ROLE',
      'SET SESSION AUTHORIZATION postgres',
    ]) {
      expect([sql, await ask(sql)]).toEqual([sql, expect.stringMatching(/permission denied|not supported|cannot/)]);
    }
    expect(await ask('SELECT id FROM by_setting')).toEqual([['1']]);
  });
});
