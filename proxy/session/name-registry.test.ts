import { describe, expect, it } from 'vitest';
import { NameRegistry } from './name-registry.ts';

describe('NameRegistry', () => {
  it('relies on a change within its own segment, and on that of an earlier one only when it is confirmed', () => {
    const names = new NameRegistry<number>();
    const change = names.propose('s', 1, 1);
    expect(names.lookup('s', 1)).toEqual({ type: 'Certain', value: 1 });
    expect(names.lookup('s', 2)).toEqual({ type: 'Uncertain', value: 1 });
    names.confirm(change);
    expect(names.lookup('s', 2)).toEqual({ type: 'Certain', value: 1 });
  });

  it('forgets a change that failed', () => {
    const names = new NameRegistry<number>();
    names.confirm(names.propose('s', 1, 1));
    const gone = names.propose('s', undefined, 2);
    const made = names.propose('s', 2, 2);
    expect(names.lookup('s', 2)).toEqual({ type: 'Certain', value: 2 });
    names.discard(gone);
    names.discard(made);
    expect(names.lookup('s', 3)).toEqual({ type: 'Certain', value: 1 });
  });

  it('drops all names at once, and keeps those made after it', () => {
    const names = new NameRegistry<number>();
    names.confirm(names.propose('a', 1, 1));
    const clear = names.propose(undefined, undefined, 2);
    const made = names.propose('b', 2, 2);
    expect([names.lookup('a', 2), names.lookup('b', 2), names.lookup('a', 3)]).toEqual([
      { type: 'Certain', value: undefined },
      { type: 'Certain', value: 2 },
      { type: 'Uncertain', value: undefined },
    ]);
    names.confirm(clear);
    names.confirm(made);
    expect([names.lookup('a', 3), names.lookup('b', 3)]).toEqual([
      { type: 'Certain', value: undefined },
      { type: 'Certain', value: 2 },
    ]);
  });

  it('tells names apart by their first 63 bytes, as PostgreSQL does', () => {
    const names = new NameRegistry<number>();
    names.confirm(names.propose('x'.repeat(63), 1, 1));
    expect(names.lookup(`${'x'.repeat(63)}y`, 2).value).toBe(1);
    expect(names.lookup('x'.repeat(62), 2).value).toBeUndefined();
    names.confirm(names.propose(`${'é'.repeat(31)}aa`, 2, 1));
    expect(names.lookup(`${'é'.repeat(31)}ab`, 2).value).toBe(2);
  });

  it('keeps the newest of what is retained', () => {
    const names = new NameRegistry<number>();
    for (const value of [1, 2, 3, 4]) {
      names.confirm(names.propose(`n${value}`, value, 1));
    }
    names.retain((value) => value !== 4, 2);
    expect([1, 2, 3, 4].map((value) => names.lookup(`n${value}`, 2).value)).toEqual([undefined, 2, 3, undefined]);
  });
});
