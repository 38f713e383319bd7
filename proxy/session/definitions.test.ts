import { describe, expect, it } from 'vitest';
import type { CatalogChange } from '../catalog/catalog-change.ts';
import type { StatementEffect } from '../policy/judgement.ts';
import { Definitions } from './definitions.ts';

const drop = (name: string): CatalogChange => ({ type: 'DropRelation', schema: 'public', name }) as unknown as CatalogChange;
const scratch = (name: string, onCommitDrop = false): CatalogChange => ({
  type: 'Made',
  name: { schema: 'pg_temp', name },
  kind: 'r',
  columns: [],
  primaryKey: [],
  reaches: [],
  ...(onCommitDrop && { onCommitDrop }),
});
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

  it('keeps temporary relations when the transaction has ended, and tells nobody of them', () => {
    const definitions = new Definitions();
    definitions.confirm(definitions.propose({ type: 'Define', changes: [scratch('a'), scratch('b', true)] }, 0)!, 'CREATE TABLE');
    definitions.confirm(definitions.propose(savepoint('s'), 0)!, 'SAVEPOINT');
    definitions.confirm(definitions.propose({ type: 'DiscardTemporary' }, 0)!, 'DISCARD TEMP');
    const discarded = definitions.inForce(0, false).state.changes;
    definitions.confirm(definitions.propose(rollbackTo('s'), 0)!, 'ROLLBACK');
    definitions.confirm(definitions.propose(transaction('Commit'), 0)!, 'COMMIT');
    const told = definitions.ready('Idle');
    expect([discarded, told, definitions.inForce(1, true)]).toEqual([
      [],
      false,
      { state: { changes: [scratch('a')], kept: [scratch('a')], savepoints: [], failed: false }, certain: true },
    ]);
    definitions.confirm(definitions.propose({ type: 'DiscardAll' }, 1)!, 'DISCARD ALL');
    expect([definitions.ready('Idle'), definitions.idle]).toEqual([false, true]);
  });

  it('is not certain of temporary relations while they may be lost or made', () => {
    const definitions = new Definitions();
    const made = definitions.propose({ type: 'Define', changes: [scratch('a')] }, 1)!;
    const certain = (): boolean => definitions.inForce(2, true).certain;
    const seen = [certain()];
    definitions.confirm(made, 'CREATE TABLE');
    seen.push(certain());
    definitions.ready('Idle');
    seen.push(certain());
    const dropped = definitions.propose({ type: 'DiscardTemporary' }, 2)!;
    seen.push(definitions.inForce(2, false).certain, definitions.inForce(3, true).certain);
    definitions.discard(dropped);
    expect([...seen, certain()]).toEqual([false, false, true, true, false, true]);
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
