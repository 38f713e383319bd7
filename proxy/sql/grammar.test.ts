import { describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import { Grammar, grammarVersion } from './grammar.ts';

const loaded = async (version: number): Promise<Grammar> => {
  const grammar = new Grammar(version);
  await grammar.load();
  return grammar;
};

const failureOf = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    if (error instanceof Failure) return [error.fields.sqlstate, error.message, error.fields.position];
    throw error;
  }
};

describe('Grammar', () => {
  it.each([
    [13, 15],
    [14, 15],
    [16, 16],
    [18, 18],
    [19, 18],
  ])('reads the SQL of server %i with grammar %i', (server, grammar) => {
    expect(grammarVersion(server)).toBe(grammar);
  });

  it.each([15, 16, 17, 18])('%i gives statements with their byte ranges', async (version) => {
    const bytes = Buffer.from(`SELECT 'é'; COMMIT ; ;SELECT 2`);
    const statements = (await loaded(version)).parse(bytes.toString());
    expect(statements.map(({ start, end, node }) => [Object.keys(node)[0], bytes.toString('utf8', start, end).trim()])).toEqual([
      ['SelectStmt', `SELECT 'é'`],
      ['TransactionStmt', 'COMMIT'],
      ['SelectStmt', 'SELECT 2'],
    ]);
  });

  it.each([15, 16, 17, 18])('%i finds no statement in a text without any', async (version) => {
    const grammar = await loaded(version);
    expect(['', ' ', ';', '-- nothing', '/* é */ ;;'].map((text) => grammar.parse(text))).toEqual([[], [], [], [], []]);
  });

  it('gives the position of a syntax error in characters', async () => {
    const grammar = await loaded(18);
    expect(failureOf(() => grammar.parse(`SELECT 'é' FRM x y`))).toEqual(['42601', 'syntax error at or near "x"', 16]);
  });

  it.each([
    ['a chain of casts', `SELECT 1${'::int'.repeat(20_000)}`],
    ['deep sub-queries', `${'SELECT ('.repeat(8000)}1${')'.repeat(8000)}`],
  ])('is replaced after %s that it cannot hold, and parses on', async (_, text) => {
    const grammar = await loaded(18);
    const [state] = failureOf(() => grammar.parse(text)) as readonly unknown[];
    expect(['54001', '42601']).toContain(state);
    expect(grammar.ready).toBe(state === '42601');
    await grammar.load();
    expect(grammar.parse('SELECT 1').length).toBe(1);
  });

  it('parses the same after many faults', async () => {
    const grammar = await loaded(18);
    const before = JSON.stringify(grammar.parse('SELECT a FROM b WHERE c = 1'));
    for (let round = 0; round < 30; round++) {
      failureOf(() => grammar.parse(`SELECT 1${'::int'.repeat(20_000)}`));
      await grammar.load();
    }
    expect(JSON.stringify(grammar.parse('SELECT a FROM b WHERE c = 1'))).toBe(before);
  });
});
