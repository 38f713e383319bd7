import { describe, expect, it } from 'vitest';
import type { Judged } from '../../proxy/policy/judgement.ts';
import { grant } from '../support/small-catalog.ts';
import { useJudge } from './use-judge.ts';

const { judge } = useJudge('CREATE TABLE items (id int, name text, secret text);', {
  relations: [grant('items', { select: { columns: ['id', 'name'], masks: [{ column: 'secret', mask: { type: 'Redact' } }] } })],
});

/** Different names: none is the template of another one. */
const TEXTS = Array.from({ length: 10_000 }, (_, number) => `SELECT name AS "n${number}", secret FROM items WHERE id = ${number}`);

const judgeAll = async (): Promise<readonly Judged[]> => {
  const all: Judged[] = [];
  for (const text of TEXTS) all.push(await judge(text));
  return all;
};

describe('AgentJudge, of many texts that come again and again', () => {
  it('remembers 10,000 statements, each for itself', async () => {
    await judgeAll();
    const [before, after] = [await judgeAll(), await judgeAll()];
    expect(after.filter((judged, index) => judged !== before[index])).toEqual([]);
    expect(after.every((judged, index) => judged.decision === 'Allow' && judged.sent.includes(`"n${index}"`))).toBe(true);
  }, 120_000);
});
