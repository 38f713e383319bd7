import { describe, expect, it } from 'vitest';
import { brokenRules } from './cel-rules.ts';
import type { StructuralSchema } from './structural-schema.ts';

const withRule = (rule: string, properties: Readonly<Record<string, StructuralSchema>>): StructuralSchema => ({
  type: 'object',
  properties,
  'x-kubernetes-validations': [{ rule, message: 'a is not b: make a equal to b' }],
});

describe('brokenRules()', () => {
  it('says message and remedy of a rule that is broken, at its place', () => {
    const schema: StructuralSchema = {
      type: 'array',
      items: withRule('self.a == self.b', { a: { type: 'string' }, b: { type: 'string' } }),
    };
    expect(
      brokenRules(
        schema,
        [
          { a: 'x', b: 'x' },
          { a: 'x', b: 'y' },
        ],
        ['list'],
      ),
    ).toEqual([{ path: ['list', 1], message: 'a is not b', remedy: 'Make a equal to b.' }]);
  });

  it.each([
    ['a syntax error', 'self.a =='],
    ['a missing field', 'self.missing == 1'],
    ['an answer that is neither true nor false', 'self.a'],
    ['an unknown variable', 'oldSelf == self'],
  ])('counts a rule with %s as broken', (_, rule) => {
    expect(brokenRules(withRule(rule, { a: { type: 'integer' } }), { a: 1 })).toEqual([
      { path: [], message: `rule "${rule}" could not be evaluated`, remedy: 'This is a fault of pg-airlock: please report it.' },
    ]);
  });

  it.each<[string, string, StructuralSchema, unknown]>([
    ['whole numbers as int', 'type(self.a) == int', { type: 'integer' }, 1],
    ['numbers as double', 'type(self.a) == double', { type: 'number' }, 1],
    ['dates as timestamp', "self.a == timestamp('2026-01-01T00:00:00Z')", { type: 'string', format: 'date-time' }, '2026-01-01T00:00:00Z'],
    ['int-or-string by its value', 'type(self.a) == int', { 'x-kubernetes-int-or-string': true }, 1],
    ['maps with any keys', "self.a['x-y'] == 'z'", { type: 'object', additionalProperties: { type: 'string' } }, { 'x-y': 'z' }],
  ])('hands over %s', (_, rule, property, value) => {
    expect(brokenRules(withRule(rule, { a: property }), { a: value })).toEqual([]);
  });

  it('escapes names that are words of CEL', () => {
    const schema = withRule("self.__namespace__ == 'a' && self.x__dash__y == 'b'", {
      namespace: { type: 'string' },
      'x-y': { type: 'string' },
    });
    expect(brokenRules(schema, { namespace: 'a', 'x-y': 'b' })).toEqual([]);
  });
});
