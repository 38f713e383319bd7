import { describe, expect, it } from 'vitest';
import { planRows } from './plan-rows.ts';

type Node = { readonly [key: string]: unknown };
const node = (type: string, rows: number, inputs: readonly Node[] = [], relationship = 'Outer'): Node => ({
  'Node Type': type,
  'Plan Rows': rows,
  'Parent Relationship': relationship,
  ...(inputs.length === 0 ? {} : { Plans: inputs }),
});
const explained = (plan: Node): unknown => [{ Plan: plan }];

describe('planRows()', () => {
  it.each<[string, Node, number]>([
    ['the rows of a scan', node('Seq Scan', 500), 500],
    [
      'a product below an aggregate',
      node('Aggregate', 1, [node('Nested Loop', 250_000, [node('Seq Scan', 500), node('Materialize', 500, [], 'Inner')])]),
      250_000,
    ],
    ['what a change reads', node('ModifyTable', 0, [node('Seq Scan', 70)]), 70],
    ['not what a LIMIT spares', node('Limit', 10, [node('Seq Scan', 1_000_000)]), 10],
    [
      'not what a LIMIT spares of a join',
      node('Limit', 10, [node('Nested Loop', 1000, [node('Seq Scan', 500), node('Index Scan', 2, [], 'Inner')])]),
      10,
    ],
    ['what is sorted before a LIMIT', node('Limit', 10, [node('Sort', 1_000_000, [node('Seq Scan', 1_000_000)])]), 1_000_000],
    [
      'a LIMIT below a product',
      node('Nested Loop', 5000, [node('Limit', 5, [node('Seq Scan', 9_999)]), node('Seq Scan', 1000, [], 'Inner')]),
      5000,
    ],
    [
      'what a hash takes in below a LIMIT',
      node('Limit', 1, [node('Hash Join', 100, [node('Seq Scan', 100), node('Hash', 4000, [node('Seq Scan', 4000)], 'Inner')])]),
      4000,
    ],
    ['sub-plans whole, wherever they are', node('Limit', 1, [node('Result', 10, [node('Seq Scan', 80_000, [], 'InitPlan')])]), 80_000],
    ['more than any figure, of what it does not know', node('Seq Scan', 1, [{ 'Node Type': 'New Node' }]), Number.POSITIVE_INFINITY],
  ])('counts %s', (_what, plan, rows) => {
    expect(planRows(explained(plan))).toBe(rows);
  });

  it.each([[undefined], [null], [[]], ['text'], [[{}]], [[{ Plan: 1 }]]])('takes %j for more than any figure', (value) => {
    expect(planRows(value)).toBe(Number.POSITIVE_INFINITY);
  });
});
