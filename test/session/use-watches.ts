/**
 * What the tests of rules that count share: one rule, a statement that meets it, and how it turned out.
 */
import { beforeEach } from 'vitest';
import type { Watch } from '../../proxy/policy/judgement.ts';
import { type RawFrame, send } from '../support/raw-client.ts';
import { airlock, completions, postgres } from './use-airlock.ts';

export const watch = (changes: Partial<Watch>): Watch => ({
  rule: 'few',
  policy: 'test/p',
  action: 'Deny',
  counts: 'RowsAffected',
  over: 10,
  ...changes,
});

/** Statements that contain the comment of `update()` are watched so. */
export const setWatches = (...watches: Watch[]): void => void airlock.knobs.terms.set('/* w */', { watches, hidesResult: false });

/** What the client is told of a statement that affects more than 10 rows. */
export const AFFECTED = {
  S: 'ERROR',
  C: '42501',
  M: 'permission denied by rule "few"',
  D: 'The statement affected more than 10 rows, and was undone. Rule "few" of policy test/p refuses that.',
  H: 'Narrow the WHERE, so that fewer rows are affected.',
};

export const tags = (frames: readonly RawFrame[]): string[] =>
  frames.filter(({ type }) => type === 'C').map(({ body }) => body.toString('utf8', 0, body.length - 1));

/** How many rows `update()` has changed, as another session sees it. */
export const changed = async (): Promise<unknown> => (await postgres.sql("SELECT count(*)::int AS n FROM t WHERE name = 'w'"))[0]?.['n'];

export const outcomes = (): unknown[] => completions().map(({ outcome, sqlstate, rules }) => [outcome, sqlstate, rules]);

export const update = (rows: number, rest = ''): string => `UPDATE t SET name = 'w' WHERE id <= ${rows} /* w */${rest}`;

export const extended = (sql: string, maxRows = 0): Buffer[] => [
  send.parse('', sql),
  send.bind('', ''),
  send.describe('P'),
  send.execute('', maxRows),
];

/** Fresh rows, and one rule, before each test. */
export const useWatches = (): void => {
  beforeEach(async () => {
    await postgres.sql("TRUNCATE t; INSERT INTO t SELECT i, 'n' || i FROM generate_series(1, 100) i");
    setWatches(watch({}));
  });
};
