import { describe, expect, it } from 'vitest';
import { type Condition, conditionsOf, type Finding, sumOf, transitionsOf } from './condition.ts';

const EARLIER = '2026-01-01T00:00:00Z';
const NOW = new Date('2026-06-01T12:30:45.678Z');
const finding = (type: string, status: Finding['status'], reason = 'Reason', message = 'A message.'): Finding => ({
  type,
  status,
  reason,
  message,
});
const condition = (type: string, status: Finding['status'], reason = 'Reason'): Condition => ({
  ...finding(type, status, reason),
  observedGeneration: 1,
  lastTransitionTime: EARLIER,
});

describe('conditionsOf()', () => {
  it('keeps the time of a condition whose status is as it was, whatever its message says', () => {
    expect(
      conditionsOf(
        [finding('Reachable', 'False', 'Refused', 'Another message.'), finding('Ready', 'False'), finding('New', 'Unknown')],
        [condition('Reachable', 'False'), condition('Ready', 'True'), condition('Gone', 'True')],
        7,
        NOW,
      ),
    ).toEqual([
      {
        type: 'Reachable',
        status: 'False',
        reason: 'Refused',
        message: 'Another message.',
        observedGeneration: 7,
        lastTransitionTime: EARLIER,
      },
      { ...finding('Ready', 'False'), observedGeneration: 7, lastTransitionTime: '2026-06-01T12:30:45Z' },
      { ...finding('New', 'Unknown'), observedGeneration: 7, lastTransitionTime: '2026-06-01T12:30:45Z' },
    ]);
  });

  it('shortens a message that nobody would read', () => {
    const [written] = conditionsOf([finding('Ready', 'False', 'Long', 'x'.repeat(40_000))], [], 1, NOW);
    expect([written?.message.length, written?.message.slice(-4)]).toEqual([4_000, 'x...']);
  });
});

describe('transitionsOf()', () => {
  it('writes nothing that a terminal obeys, whatever a database said', () => {
    const found = { type: 'Reachable', status: 'False', reason: 'Failed', message: 'It said: \u001b[2Jall\u202e is\nwell' } as const;
    expect(conditionsOf([found], [], 1, new Date())[0]?.message).toBe('It said:  [2Jall  is well');
  });

  it('tells a new status, a new reason and a new condition, and no new message', () => {
    const after = conditionsOf(
      [finding('A', 'True'), finding('B', 'False', 'Other'), finding('C', 'False', 'Reason', 'B.'), finding('D', 'Unknown')],
      [condition('A', 'False'), condition('B', 'False'), condition('C', 'False')],
      1,
      NOW,
    );
    const before = [condition('A', 'False'), condition('B', 'False'), condition('C', 'False')];
    expect(transitionsOf(before, after).map(({ type }) => type)).toEqual(['A', 'B', 'D']);
  });
});

describe('sumOf()', () => {
  const all = { reason: 'Ready', message: 'All is well.' };
  it.each([
    [['True', 'True'], { type: 'Ready', status: 'True', ...all }],
    [['Unknown', 'False'], finding('Ready', 'False', 'B', 'b')],
    [['True', 'Unknown'], finding('Ready', 'Unknown', 'B', 'b')],
  ] as const)('of %j', ([first, second], expected) => {
    expect(sumOf([finding('A', first, 'A', 'a'), finding('B', second, 'B', 'b')], all)).toEqual(expected);
  });
});
