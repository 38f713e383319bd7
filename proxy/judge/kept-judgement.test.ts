import { describe, expect, it } from 'vitest';
import { type Allowed, NO_TERMS } from '../policy/judgement.ts';
import { kept, SharedValues, weightOf } from './kept-judgement.ts';

const SCOPE = `(SELECT ${'id, '.repeat(50)}name FROM public.people) AS people`;

/** A judgement that shares nothing with another one, as it is when it has just been made. */
const judgement = (number: number): Allowed => {
  const fresh = (text: string): string => Buffer.from(text).toString();
  return {
    kinds: [fresh('Select')],
    relations: [fresh('public.people')],
    masked: [],
    filtered: [fresh('public.people')],
    policies: [fresh('default/people')],
    reasons: [],
    rules: [],
    revision: fresh('1'),
    decision: 'Allow',
    sent: fresh(`SELECT name AS n${number} FROM ${SCOPE}`),
    recorded: fresh(`SELECT name AS n${number} FROM ${SCOPE}`),
    edits: [{ start: 20, end: 26, text: fresh(SCOPE) }],
    effects: [{ type: 'None' }],
    terms: [{ watches: [], hidesResult: false }],
    withholdErrors: false,
    keyed: false,
    unfenced: false,
    maskedParameters: [],
  };
};

describe('kept()', () => {
  it('changes nothing of a judgement', () => {
    expect(kept(judgement(1), new SharedValues())).toEqual(judgement(1));
  });

  it('makes judgements of values that they share', () => {
    const values = new SharedValues();
    const [one, other] = [kept(judgement(1), values), kept(judgement(2), values)];
    const same = (['kinds', 'relations', 'masked', 'filtered', 'policies', 'rules'] as const).map((field) => one[field] === other[field]);
    expect(same).toEqual([true, true, true, true, true, true]);
    expect(one.decision !== 'Deny' && one.terms[0]).toBe(NO_TERMS);
  });

  it('tells an empty list from that of an empty text', () => {
    const values = new SharedValues();
    expect([values.list([]), values.list(['']), values.list([])]).toEqual([[], [''], []]);
  });

  it('stops sharing when there is too much to look up, and gives back the same values', () => {
    const values = new SharedValues();
    const lists = Array.from({ length: 3_000 }, (_, number) => values.list([`r${number}`, 'x']));
    expect(lists).toEqual(Array.from({ length: 3_000 }, (_, number) => [`r${number}`, 'x']));
  });
});

describe('weightOf()', () => {
  it('counts objects, fields and characters, those beyond Latin-1 twice', () => {
    expect([weightOf('abc'), weightOf('ab\u20ac'), weightOf({ a: 'abc', b: 1 }), weightOf(['abc', 'abc'])]).toEqual([35, 38, 83, 83]);
  });

  it('counts what is reached in two ways once, and ends in circles', () => {
    const circle: { self?: unknown } = {};
    circle.self = [circle, circle];
    expect(weightOf(circle)).toBe(32 + 8 + 32 + 8 + 8);
  });

  it('lets 10,000 statements with scopes of 200 characters be kept in 32 MiB', () => {
    const values = new SharedValues();
    const weights = Array.from({ length: 10_000 }, (_, number) =>
      weightOf([`SELECT name AS n${number} FROM people`, kept(judgement(number), values)]),
    );
    expect(weights.reduce((sum, weight) => sum + weight)).toBeLessThan(24 * 1024 * 1024);
  });
});
