import { beforeAll, describe, expect, it } from 'vitest';
import { analyze } from '../../sql/analyze.ts';
import { Grammar } from '../../sql/grammar.ts';
import { contextOf, grant, grantsOf, policy } from '../../../test/support/small-catalog.ts';
import { decide } from '../decide.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const insertOnly = { ...grant('orders'), select: undefined, insert: { columns: '*' } } as const;

describe('a relation that is granted for writing alone', () => {
  it.each(['INSERT INTO orders (id) VALUES (1)', 'COPY orders FROM STDIN'])('is written by %s', (sql) => {
    const [statement] = grammar.parse(sql);
    const grants = grantsOf(policy({ relations: [insertOnly] }));
    if (statement === undefined || grants === undefined) throw new Error('nothing to decide');
    expect(decide(analyze(statement, Buffer.from(sql)), contextOf({ grants })).reasons).toEqual([]);
  });
});
