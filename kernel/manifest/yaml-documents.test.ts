import { describe, expect, it } from 'vitest';
import { problemText } from './problem.ts';
import { yamlDocuments } from './yaml-documents.ts';

const read = (text: string): ReturnType<typeof yamlDocuments> => yamlDocuments({ path: 'a.yaml', text });
const valuesOf = (text: string): unknown[] => read(text).documents.map(({ number, value }) => [number, value]);
const problemsOf = (text: string): string[] => read(text).problems.map(problemText);

describe('yamlDocuments()', () => {
  it('numbers documents and leaves empty ones out', () => {
    expect(valuesOf('# only a comment\n---\na: 1\n---\n---\n{"b": [true, null]}\n')).toEqual([
      [1, { a: 1 }],
      [3, { b: [true, null] }],
    ]);
    expect(valuesOf('')).toEqual([]);
  });

  it('reads words as YAML 1.2 does', () => {
    expect(valuesOf('a: [yes, no, on, 2027-01-01T00:00:00Z, 0x10]')).toEqual([[1, { a: ['yes', 'no', 'on', '2027-01-01T00:00:00Z', 16] }]]);
  });

  it('expands anchors and merge keys into values of their own', () => {
    const [document] = read('a: &x { b: 1 }\nc: *x\nd: { <<: *x, e: 2 }').documents;
    const value = document?.value as { a: object; c: object };
    expect(value).toEqual({ a: { b: 1 }, c: { b: 1 }, d: { b: 1, e: 2 } });
    expect(value.c).not.toBe(value.a);
  });

  it('finds the line of a field, and of what is around a missing one', () => {
    const [, document] = read('a: 1\n---\nspec:\n  list:\n    - x: 1\n    - y:\n        z: 2\n').documents;
    const lines = [[], ['spec'], ['spec', 'list', 1], ['spec', 'list', 1, 'y', 'z'], ['spec', 'list', 7], ['spec', 'none', 'deeper']];
    expect(lines.map((path) => document?.lineOf(path))).toEqual([3, 3, 6, 7, 4, 3]);
  });

  const bomb = [
    'a: &a [x, x, x, x, x, x, x, x, x, x]',
    ...'bcdefghi'.split('').map((letter, index) => `${letter}: &${letter} [${Array(10).fill(`*${'abcdefghi'[index]}`).join(', ')}]`),
  ].join('\n');

  it.each([
    [
      'a key that stands twice',
      'a: 1\nb: 2\na: 3',
      ['a.yaml:3: document 1: a key stands twice in one mapping. Correct the YAML at this line.'],
    ],
    [
      'a tab',
      'a:\n\tb: 1',
      ['a.yaml:2: document 1: a tab is used for indentation, where YAML wants spaces. Correct the YAML at this line.'],
    ],
    [
      'an open quote',
      'a: "s3cret\n',
      [
        'a.yaml:2: document 1: a sign is missing, such as a closing quote, a bracket or the space after a colon. Correct the YAML at this line.',
      ],
    ],
    ['an unknown tag', 'a: !!js/function x', ['a.yaml:1: document 1: a tag (!name) is not known. Correct the YAML at this line.']],
    [
      'an alias without anchor',
      'a: *b',
      [
        'a.yaml:1: document 1: its aliases (*name) cannot be expanded. Give each an anchor (&name) before it, none within its own anchor, and no more than 100 expansions.',
      ],
    ],
    [
      'a bomb of aliases',
      bomb,
      [
        'a.yaml:1: document 1: its aliases (*name) cannot be expanded. Give each an anchor (&name) before it, none within its own anchor, and no more than 100 expansions.',
      ],
    ],
    [
      'an anchor within itself',
      'a: &a [*a]',
      [
        'a.yaml:1: document 1: its aliases (*name) cannot be expanded. Give each an anchor (&name) before it, none within its own anchor, and no more than 100 expansions.',
      ],
    ],
  ])('refuses %s', (_, text, problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });

  it('leaves the whole file out when one document is wrong', () => {
    expect(read('a: 1\n---\nb: [').documents).toEqual([]);
  });

  it('survives nesting that no manifest has', () => {
    expect(read('['.repeat(100_000)).problems).toHaveLength(1);
  });
});
