import { describe, expect, it } from 'vitest';
import type { CatalogChange } from '../catalog/catalog-change.ts';
import type { StatementEffect } from '../policy/judgement.ts';
import { Definitions } from './definitions.ts';

const drop = (name: string): CatalogChange => ({ type: 'DropRelation', schema: 'public', name }) as unknown as CatalogChange;
const define = (name: string): StatementEffect => ({ type: 'Define', changes: [drop(name)] });
const transaction = (action: Extract<StatementEffect, { type: 'Transaction' }>['action'], name?: string): StatementEffect => ({
  type: 'Transaction',
  action,
  name,
  chain: false,
});
const begin = transaction('Begin');
const savepoint = (name: string): StatementEffect => transaction('Savepoint', name);
const rollbackTo = (name: string): StatementEffect => transaction('RollbackTo', name);

type Step = StatementEffect | 'error';

const after = (...steps: Step[]): readonly CatalogChange[] => {
  const definitions = new Definitions();
  for (const step of steps) {
    if (step === 'error') {
      definitions.failed();
    } else {
      definitions.confirm(definitions.propose(step, 1)!, '');
    }
  }
  return definitions.inForce(2, false).state.changes;
};

describe('Definitions', () => {
  it.each<[string, Step[], string[]]>([
    ['has what was defined', [begin, define('a'), define('b')], ['a', 'b']],
    ['loses it with an error', [begin, define('a'), 'error'], []],
    ['loses it with a rollback', [begin, define('a'), transaction('Rollback')], []],
    ['goes back to a savepoint made before the first definition', [begin, savepoint('s'), define('a'), rollbackTo('s')], []],
    ['goes back to a later one', [begin, define('a'), savepoint('s'), define('b'), rollbackTo('s')], ['a']],
    ['goes back to it twice', [begin, define('a'), savepoint('s'), define('b'), rollbackTo('s'), define('c'), rollbackTo('s')], ['a']],
    ['takes the newest of a name', [begin, savepoint('s'), define('a'), savepoint('s'), define('b'), rollbackTo('s')], ['a']],
    [
      'takes the older one of a name once the newer is released',
      [begin, savepoint('s'), define('a'), savepoint('s'), define('b'), transaction('Release', 's'), rollbackTo('s')],
      [],
    ],
    [
      'forgets what was made after a savepoint that is released',
      [begin, savepoint('s'), define('a'), savepoint('t'), transaction('Release', 's'), savepoint('t'), define('b'), rollbackTo('t')],
      ['a'],
    ],
    ['keeps what was defined before the savepoint of an error', [begin, define('a'), savepoint('s'), define('b'), 'error'], ['a']],
  ])('%s', (_what, steps, names) => {
    expect(after(...steps)).toEqual(names.map(drop));
  });

  it('tells of the end of each transaction that defined something, also where they were sent together', () => {
    const definitions = new Definitions();
    const pending = definitions.propose(define('a'), 2)!;
    const before = definitions.ready('Idle');
    definitions.confirm(pending, 'CREATE TABLE');
    expect([before, definitions.ready('Idle'), definitions.ready('Idle')]).toEqual([true, true, false]);
  });

  it('follows savepoints without end at the same cost, sent together or one by one', () => {
    const definitions = new Definitions();
    definitions.confirm(definitions.propose(define('a'), 0)!, '');
    const pending = Array.from({ length: 5_000 }, (_, index) => {
      definitions.inForce(1, true);
      return definitions.propose(savepoint(`s${index}`), 1)!;
    });
    for (const one of pending) {
      definitions.inForce(1, true);
      definitions.confirm(one, 'SAVEPOINT');
    }
    expect(definitions.size).toBe(5_001);
  });
});
