import { describe, expect, it } from 'vitest';
import type { SessionState } from '../../proxy/policy/judgement.ts';
import { grant } from '../support/small-catalog.ts';
import { useJudge } from './use-judge.ts';

const { judgeIn } = useJudge('CREATE SCHEMA one; CREATE SCHEMA two; CREATE TABLE one.items (id int); CREATE TABLE two.items (id int);', {
  relations: [grant('items', { schema: 'one' }), grant('items', { schema: 'two' })],
});

const NO_NAMES = { prepared: () => undefined, cursor: () => undefined };

/** Has a text judged for a session whose path becomes another one meanwhile: what was sent before is answered. */
const judgeWhileChanging = async (sql: string): Promise<void> => {
  let searchPath = ['one'];
  const state: SessionState = {
    get searchPath() {
      return searchPath;
    },
    ...NO_NAMES,
  };
  const judging = judgeIn(sql, state);
  searchPath = ['two'];
  await judging;
};

const sent = async (sql: string, state: SessionState): Promise<string> => {
  const judged = await judgeIn(sql, state);
  return judged.decision === 'Deny' ? judged.failure.message : judged.sent;
};

describe('AgentJudge, of a session that changes while a text is judged', () => {
  it.each([
    ['as it is', 'SELECT id FROM items'],
    ['with other literals', 'SELECT id FROM items WHERE id = 1'],
  ])('keeps a judgement, %s, for the search_path that it was made with', async (_how, sql) => {
    await judgeWhileChanging(sql);
    await judgeWhileChanging(sql.replace('1', '2'));
    expect(await sent(sql.replace('1', '3'), { searchPath: ['one'], ...NO_NAMES })).toContain('"one"."items"');
    expect(await sent(sql.replace('1', '3'), { searchPath: ['two'], ...NO_NAMES })).toContain('"two"."items"');
  });
});
