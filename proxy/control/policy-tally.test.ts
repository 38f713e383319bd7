import { describe, expect, it } from 'vitest';
import type { Outcome } from '../session/outcome.ts';
import { PolicyTally } from './policy-tally.ts';

const outcome: Outcome = {
  agent: 'agents/reporter',
  connection: 'data/shop',
  via: 'Query',
  decision: 'Allow',
  result: 'Completed',
  kinds: ['Select'],
  reasons: [],
  policies: ['agents/reading'],
  masked: [],
  filtered: [],
  rules: [],
  detected: [],
  rows: 1,
  bytes: 10,
  decisionMs: 1,
};

describe('PolicyTally', () => {
  it('counts refusals and masked statements for the policies that decided', () => {
    const tally = new PolicyTally(() => ['agents/reading', 'agents/writing']);
    tally.observe(outcome);
    tally.observe({ ...outcome, masked: ['public.customers.ssn', 'public.customers.email'] });
    tally.observe({ ...outcome, decision: 'Deny', masked: ['public.customers.ssn'] });
    tally.observe({ ...outcome, decision: 'AuditOnly' });
    expect(tally.counts()).toEqual({ 'agents/reading': { blocked: 1, masked: 1 } });
  });

  it('counts for all policies in force what none of them has judged', () => {
    const tally = new PolicyTally((connection) => (connection === 'data/shop' ? ['agents/reading', 'agents/writing'] : []));
    tally.observe({ ...outcome, decision: 'Deny', policies: [] });
    tally.observe({ ...outcome, decision: 'Deny', policies: [], connection: 'data/crm' });
    expect(tally.counts()).toEqual({ 'agents/reading': { blocked: 1, masked: 0 }, 'agents/writing': { blocked: 1, masked: 0 } });
  });
});
