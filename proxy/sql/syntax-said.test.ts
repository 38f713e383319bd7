import { beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import { Grammar } from './grammar.ts';

const saidOf = (grammar: Grammar, text: string): unknown => {
  try {
    grammar.parse(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { sqlstate, message, hint } = error.fields;
    return [sqlstate, message, hint];
  }
};

describe.each([15, 16, 17, 18])('what is said of a text that does not parse, by the grammar of PostgreSQL %i', (version) => {
  const grammar = new Grammar(version);
  beforeAll(() => grammar.load());

  it.each([
    [String.raw`SELECT U&'\061'`, ['42601', 'invalid Unicode escape', String.raw`Unicode escapes must be \XXXX or \+XXXXXX.`]],
    [String.raw`SELECT E'\u061'`, ['22025', 'invalid Unicode escape', String.raw`Unicode escapes must be \uXXXX or \UXXXXXXXX.`]],
    [String.raw`SELECT E'\xff'`, ['22021', 'invalid byte sequence for encoding "UTF8": 0xff', undefined]],
    ['SELECT 1 LIMIT 1, 2', ['42601', 'LIMIT #,# syntax is not supported', 'Use separate LIMIT and OFFSET clauses.']],
    [
      'SELECT sum(1) OVER (ROWS BETWEEN UNBOUNDED FOLLOWING AND CURRENT ROW)',
      ['42P20', 'frame start cannot be UNBOUNDED FOLLOWING', undefined],
    ],
    ['SELECT 1::float(99)', ['22023', 'precision for type float must be less than 54 bits', undefined]],
    ['SELECT FROM WHERE', ['42601', 'syntax error at or near "WHERE"', undefined]],
  ])('is what the server would say: %s', (text, expected) => {
    expect(saidOf(grammar, text)).toEqual(expected);
  });
});

it.each([17, 18])('a path of JSON_TABLE that is no constant is not supported by the grammar of PostgreSQL %i', async (version) => {
  const grammar = new Grammar(version);
  await grammar.load();
  const text = `SELECT * FROM JSON_TABLE('{}'::jsonb, '$' || '.a' COLUMNS (a int))`;
  expect(saidOf(grammar, text)).toEqual(['0A000', 'only string constants are supported in JSON_TABLE path specification', undefined]);
});
