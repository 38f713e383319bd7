import { describe, expect, it } from 'vitest';
import { protocolViolation, upstreamProtocolViolation } from '../../kernel/failure.ts';
import { type Expectation, Expectations, type Sent } from './expectations.ts';

const expectation = (sent: Sent, segment = 0): Expectation => ({
  sent,
  segment,
  swallow: false,
  refusal: undefined,
  text: undefined,
  running: undefined,
  shape: undefined,
  consequences: [],
});

const queue = (...sent: Sent[]): Expectations => {
  const expectations = new Expectations();
  for (const one of sent) {
    expectations.push(expectation(one));
  }
  return expectations;
};

/** Letters of answers, `E` for an error; what each was matched with. */
const match = (expectations: Expectations, letters: string): string[] =>
  Array.from(letters, (letter) => {
    if (letter === 'Z' && expectations.readyBeyond()) return 'beyond';
    if (letter === 'E') {
      const { failed, skipped } = expectations.fail();
      return `${failed.sent}!${skipped.map(({ sent }) => sent).join(',')}`;
    }
    const { expectation: matched, done } = expectations.answer(letter.charCodeAt(0));
    return `${matched.sent}${done ? '.' : ''}`;
  });

describe('Expectations', () => {
  it.each<[string, Sent[], string, string[]]>([
    ['a Query', ['Query'], 'TDCZ', ['Query', 'Query', 'Query', 'Query.']],
    ['a Query of two statements', ['Query'], 'CTCZ', ['Query', 'Query', 'Query', 'Query.']],
    ['an empty Query', ['Query'], 'IZ', ['Query', 'Query.']],
    ['a Query that fails', ['Query', 'Query'], 'EZCZ', ['Query!', 'Query.', 'Query', 'Query.']],
    [
      'the extended protocol',
      ['Parse', 'Bind', 'DescribePortal', 'Execute', 'Sync'],
      '12TDCZ',
      ['Parse.', 'Bind.', 'DescribePortal.', 'Execute', 'Execute.', 'Sync.'],
    ],
    [
      'a described statement',
      ['Parse', 'DescribeStatement', 'Sync'],
      '1tnZ',
      ['Parse.', 'DescribeStatement', 'DescribeStatement.', 'Sync.'],
    ],
    ['a portal that is suspended', ['Execute', 'Execute', 'Sync'], 'DsDCZ', ['Execute', 'Execute.', 'Execute', 'Execute.', 'Sync.']],
    [
      'an error, up to the next Sync',
      ['Parse', 'Bind', 'Query', 'Sync', 'Parse', 'Sync'],
      'EZ1Z',
      ['Parse!Bind,Query', 'Sync.', 'Parse.', 'Sync.'],
    ],
    ['an error of the commit at Sync', ['Execute', 'Sync', 'Sync'], 'CEZZ', ['Execute.', 'Sync!', 'Sync.', 'Sync.']],
    ['COPY out', ['Query'], 'HdcCZ', ['Query', 'Query', 'Query', 'Query', 'Query.']],
    ['COPY in by libpq, whose first Sync is ignored', ['Execute', 'Sync', 'CopyEnd', 'Sync'], 'GCZ', ['Execute', 'Execute.', 'Sync.']],
    ['COPY in that fails when the Sync is ignored', ['Execute', 'Sync', 'CopyEnd', 'Sync'], 'GEZ', ['Execute', 'Execute!CopyEnd', 'Sync.']],
    [
      'the same before it is',
      ['Execute', 'Sync', 'CopyEnd', 'Sync', 'Query'],
      'GEZZCZ',
      ['Execute', 'Execute!CopyEnd', 'Sync.', 'beyond', 'Query', 'Query.'],
    ],
    ['the same with no other Sync', ['Execute', 'Sync'], 'GEZ', ['Execute', 'Execute!', 'beyond']],
    [
      'a COPY of two in a text, each with its own data',
      ['Query', 'CopyEnd', 'Sync', 'CopyEnd'],
      'GCGCZ',
      ['Query', 'Query', 'Query', 'Query', 'Query.'],
    ],
    ['COPY in that never was', ['Query', 'CopyEnd', 'Query'], 'EZCZ', ['Query!', 'Query.', 'Query', 'Query.']],
  ])('match %s', (_what, sent, letters, matched) => {
    const expectations = queue(...sent);
    expect(match(expectations, letters)).toEqual(matched);
    expect(expectations.size).toBe(0);
  });

  it('skip what is sent after an error until a Sync is sent', () => {
    const expectations = queue('Parse');
    expect(match(expectations, 'E')).toEqual(['Parse!']);
    expect((['Bind', 'Query', 'Sync', 'Parse'] as const).map((sent) => expectations.push(expectation(sent)))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(match(expectations, 'Z1')).toEqual(['Sync.', 'Parse.']);
  });

  it.each<[string, Sent[], string, Sent[]]>([
    ['sent before the COPY failed', ['Execute', 'Sync', 'CopyEnd', 'Parse', 'Sync', 'Query'], 'GEZ', []],
    ['sent before, when more is sent', ['Execute', 'Sync', 'CopyEnd', 'Parse', 'Sync'], 'GE', ['Sync']],
    ['sent after', ['Execute', 'Sync', 'CopyEnd'], 'GE', ['Parse']],
  ])('end the session where nobody knows whether the server has skipped what was %s', (_what, sent, letters, then) => {
    const expectations = queue(...sent);
    expect(() => {
      match(expectations, letters);
      for (const each of then) expectations.push(expectation(each));
    }).toThrow(protocolViolation('unexpected message behind a Sync during COPY from stdin'));
  });

  it('go on behind a COPY that failed, once the Sync behind it is answered', () => {
    const expectations = queue('Execute', 'Sync', 'CopyEnd', 'Sync');
    expect(match(expectations, 'GEZ')).toEqual(['Execute', 'Execute!CopyEnd', 'Sync.']);
    for (const sent of ['DescribeStatement', 'Parse', 'Bind', 'Sync'] as const) expectations.push(expectation(sent));
    expect(match(expectations, 'EZ')).toEqual(['DescribeStatement!Parse,Bind', 'Sync.']);
  });

  it.each<[string, Sent[], string, string]>([
    ['an answer to nothing', [], 'C', 'A message of type "C" came where nothing was asked.'],
    ['rows for a Parse', ['Parse'], 'D', 'A message of type "D" came where the answer to Parse was expected.'],
    ['ReadyForQuery before the Sync', ['Parse', 'Sync'], 'Z', 'A message of type "Z" came where the answer to Parse was expected.'],
    ['the end of a Query that has not begun', ['Query'], 'Z', 'A message of type "Z" came where the answer to Query was expected.'],
    ['replication data', ['Query'], 'W', 'A message of type "W" came where the answer to Query was expected.'],
    ['an error without a cause', [], 'E', 'A message of type "E" came where nothing was asked.'],
    ['an authentication request', ['Query'], 'R', 'A message of type "R" came where the answer to Query was expected.'],
  ])('refuse %s', (_what, sent, letters, detail) => {
    expect(() => match(queue(...sent), letters)).toThrow(upstreamProtocolViolation(detail));
  });

  it('know when all that was sent earlier is answered', () => {
    const expectations = new Expectations();
    expectations.push(expectation('Sync', 1));
    expectations.push(expectation('Parse', 2));
    expect([1, 2].map((segment) => expectations.settledBefore(segment))).toEqual([true, false]);
    match(expectations, 'Z');
    expect(expectations.settledBefore(2)).toBe(true);
  });

  it('stay small when thousands are answered', () => {
    const expectations = new Expectations();
    for (let count = 0; count < 10_000; count += 1) {
      expectations.push(expectation('Bind'));
      expectations.push(expectation('Bind'));
      match(expectations, '2');
    }
    expect(expectations.size).toBe(10_000);
  });
});
