/**
 * A row that another session hides, or brings in sight, while a statement waits for it.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../clients/shop.ts';
import { type Answer, type Sides, startSides } from './sides.ts';
import { PROFILES } from './world.ts';

let sides: Sides;
beforeAll(async () => {
  sides = await startSides(18);
});
afterAll(() => sides?.stop());

/** What another session does, and what the agent does to the same row meanwhile. */
const OTHERS = {
  hides: 'UPDATE accounts SET tenant = 2, n = 666 WHERE id = 1',
  'brings in sight': 'UPDATE accounts SET tenant = 1, n = 5 WHERE id = 3',
  changes: 'UPDATE accounts SET n = n + 10 WHERE id = 1',
  deletes: 'DELETE FROM accounts WHERE id = 1',
};
const STATEMENTS = [
  'UPDATE accounts SET n = n + 1 WHERE id IN (1, 3)',
  'UPDATE accounts SET n = n + 1 WHERE id IN (1, 3) RETURNING id, n',
  'UPDATE accounts AS a SET n = t.n + 1 / (a.n - 666) FROM tags AS t WHERE t.id = a.id AND a.id IN (1, 3) RETURNING a.id, a.n',
  'DELETE FROM accounts WHERE id IN (1, 3) AND n < 600 RETURNING id',
  'DELETE FROM accounts WHERE id IN (1, 3)',
  'SELECT id, n, 1 / (n - 666) AS c FROM accounts WHERE id IN (1, 3) FOR UPDATE',
  'SELECT a.id, t.n FROM accounts AS a JOIN tags AS t ON t.id = a.id WHERE a.id IN (1, 3) FOR UPDATE OF a',
  "INSERT INTO accounts (id, name, n) VALUES (1, 'w1', 7) ON CONFLICT (id) DO UPDATE SET n = accounts.n + excluded.n RETURNING id, n",
  'MERGE INTO accounts AS a USING (VALUES (1), (3)) AS v (k) ON v.k = a.id WHEN MATCHED THEN UPDATE SET n = a.n + 1',
];

describe.for(Object.entries(OTHERS))('while another session %s a row', ([, other]) => {
  it.for(STATEMENTS)('%s', async (text) => {
    const [profile] = PROFILES;
    if (profile === undefined) throw new Error('no profile');
    const answers: Answer[] = [];
    for (const [database, side] of [
      ['subject', sides.subject],
      ['reference', sides.reference],
    ] as const) {
      await side.seed();
      const blocker = new pg.Client({ connectionString: sides.postgres.url('postgres', database) });
      await blocker.connect();
      await blocker.query('BEGIN');
      await blocker.query(other);
      const answer = side.run(profile, { text, parameters: undefined, extended: false });
      const waits = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '${database}'`;
      let ended = false;
      void answer.finally(() => {
        ended = true;
      });
      await eventually(async () => ended || (await sides.postgres.sql(waits)).length > 0);
      await blocker.query('COMMIT');
      await blocker.end();
      answers.push(await answer);
    }
    const [airlock, security] = answers.map((answer) => (answer.type === 'Failed' ? answer.code : answer));
    expect(airlock).toEqual(security);
    expect(await sides.subject.state(1_000)).toEqual(await sides.reference.state(1_000));
  });
});
