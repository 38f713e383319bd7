import { describe, expect, it } from 'vitest';
import { readTally, sumTallies, tallyConfigMap } from './tally.ts';

const counts = (generation: number, pods: number, blocked = 0, masked = 0) => ({ generation, pods, blocked, masked });

describe('tallyConfigMap()', () => {
  it('goes with the replica, and is read back', () => {
    const tally = new Map([['agents/reading', counts(2, 3, 4, 5)]]);
    const made = tallyConfigMap({ namespace: 'pg-airlock', name: 'operator-1', uid: 'u1' }, tally);
    expect(made).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'pg-airlock-tally-operator-1',
        namespace: 'pg-airlock',
        labels: { 'pg-airlock.dev/tally': 'true', 'app.kubernetes.io/managed-by': 'pg-airlock' },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'operator-1', uid: 'u1' }],
      },
      data: { 'tally.json': '{"agents/reading":{"generation":2,"pods":3,"blocked":4,"masked":5}}' },
    });
    expect(readTally(made)).toEqual(tally);
  });

  it.each(['', 'no', '[]', 'null', '{"a/b":null}', '{"a/b":{"generation":1,"pods":-1,"blocked":0,"masked":0}}'])(
    'takes %j for nothing',
    (text) => {
      expect(readTally({ metadata: { name: 'x' }, data: { 'tally.json': text } })).toEqual(new Map());
    },
  );
});

describe('sumTallies()', () => {
  it('adds what happened, and the pods that have the newest generation', () => {
    const sum = sumTallies([
      new Map([['a/x', counts(1, 5, 1, 1)]]),
      new Map([
        ['a/x', counts(2, 3, 2, 2)],
        ['a/y', counts(1, 1)],
      ]),
      new Map([['a/x', counts(2, 4, 3, 3)]]),
    ]);
    expect(sum).toEqual(
      new Map([
        ['a/x', counts(2, 7, 6, 6)],
        ['a/y', counts(1, 1)],
      ]),
    );
  });
});
