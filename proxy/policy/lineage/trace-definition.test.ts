import { beforeEach, describe, expect, it } from 'vitest';
import { RELATIONS } from '../../../test/support/small-catalog.ts';
import { Grammar } from '../../sql/grammar.ts';
import { Untraceable } from './lineage.ts';
import { traceDefinition } from './trace-definition.ts';

const grammar = new Grammar(18);
beforeEach(() => grammar.load());

const [users] = RELATIONS;

/** Names of columns that each column of the view shows or depends on; or why that is not known. */
const traced = (definition: string): unknown => {
  try {
    const { outputs } = traceDefinition(grammar.parse(definition)[0]!.node, { relation: () => users, opaque: () => undefined });
    const named = (leaves: readonly { readonly column: string }[]) => leaves.map(({ column }) => column);
    return outputs.map(({ same, by }) => ({ same: named(same), by: named(by) }));
  } catch (error) {
    if (error instanceof Untraceable) return error.message;
    throw error;
  }
};

describe('traceDefinition()', () => {
  it('tells what a column shows from what it depends on', () => {
    expect(traced('SELECT u.ssn, lower(u.name) AS name FROM public.users u')).toEqual([
      { same: ['ssn'], by: [] },
      { same: [], by: ['name'] },
    ]);
  });

  it('gives up where CTEs double with each that names the one before', () => {
    const doubled = Array.from({ length: 40 }, (_, index) => `c${index + 1} AS (SELECT a.x FROM c${index} a, c${index} b)`);
    expect(traced(`WITH c0 AS (SELECT 1 AS x), ${doubled.join(', ')} SELECT c40.x FROM c40`)).toBe('so many relations');
  });

  it('gives up where an expression is nested deeper than the stack is', () => {
    const terms = 3000;
    expect(traced(`SELECT ${'('.repeat(terms)}u.id${' + u.id)'.repeat(terms)} FROM public.users u`)).toBe('it is nested too deeply');
  });
});
