import { describe, expect, it } from 'vitest';
import { type LabelSelector, selects } from './label-selector.ts';

const expression = (operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', ...values: string[]): LabelSelector => ({
  matchExpressions: [values.length === 0 ? { key: 'team', operator } : { key: 'team', operator, values }],
});

describe('selects()', () => {
  it.each<[string, LabelSelector, Readonly<Record<string, string>>, boolean]>([
    ['everything without conditions', {}, {}, true],
    ['an equal label', { matchLabels: { team: 'a' } }, { team: 'a', x: 'y' }, true],
    ['no other label', { matchLabels: { team: 'a' } }, { team: 'b' }, false],
    ['no missing label', { matchLabels: { team: 'a' } }, {}, false],
    ['no label that objects inherit', { matchLabels: { constructor: 'a' } }, {}, false],
    ['In', expression('In', 'a', 'b'), { team: 'b' }, true],
    ['not outside In', expression('In', 'a', 'b'), { team: 'c' }, false],
    ['not a missing label by In', expression('In', 'a'), {}, false],
    ['NotIn', expression('NotIn', 'a'), { team: 'b' }, true],
    ['not within NotIn', expression('NotIn', 'a'), { team: 'a' }, false],
    ['a missing label by NotIn', expression('NotIn', 'a'), {}, true],
    ['Exists', expression('Exists'), { team: '' }, true],
    ['not a missing label by Exists', expression('Exists'), {}, false],
    ['DoesNotExist', expression('DoesNotExist'), {}, true],
    ['not a label by DoesNotExist', expression('DoesNotExist'), { team: 'a' }, false],
    ['only where all hold', { matchLabels: { team: 'a' }, ...expression('NotIn', 'a') }, { team: 'a' }, false],
  ])('selects %s', (_, selector, labels, expected) => {
    expect(selects(selector, labels)).toBe(expected);
  });
});
