import { describe, expect, it } from 'vitest';
import { upstreamLost } from '../../kernel/failure.ts';
import { catalogOf, contextOf, grantsOf, policy } from '../../test/support/small-catalog.ts';
import { scopeOf as grantedScope } from '../scope/scope.ts';
import { Grammar } from '../sql/grammar.ts';
import type { JudgeContext } from './judge-context.ts';
import { judgeText } from './judge-text.ts';

const judgeContext = (rest: Partial<JudgeContext> = {}): JudgeContext => {
  const grammar = new Grammar(18);
  const scopeOf: JudgeContext['scopeOf'] = ({ relation, access }) =>
    access.type === 'Granted' ? grantedScope(relation, access.granted.grant, grammar) : { type: 'Bare', relation };
  return {
    catalog: catalogOf(),
    grants: grantsOf(policy())!,
    grammar,
    revision: 'r1',
    scopeOf,
    freshScopes: () => scopeOf,
    probe: async () => undefined,
    estimate: async () => ({ rows: 1 }),
    onFault: () => undefined,
    ...rest,
  };
};

const judge = async (sql: string, rest: Partial<JudgeContext> = {}, via: 'Query' | 'Parse' = 'Query') =>
  await judgeText(Buffer.from(sql), via, contextOf().state, judgeContext(rest));

/** Its decision, or the code of its refusal; and whether it may be remembered. */
const verdictOf = async (...of: Parameters<typeof judge>): Promise<readonly unknown[]> => {
  const { judged, cacheable } = await judge(...of);
  return [judged.decision === 'Deny' ? judged.failure.fields.code : judged.decision, cacheable];
};

describe('judgeText()', () => {
  it.each([
    ['SELECT ssn FROM users', 'Allow', true],
    ['', 'Allow', true],
    ['-- nothing', 'Allow', true],
    ['SELECT FROM FROM', 'syntax-error', true],
    ['SELECT * FROM secrets', 'relation-refused', true],
    ['EXECUTE p', 'statement-unknown', false],
    ['PREPARE p AS SELECT 1; EXECUTE p', 'Allow', false],
    ['SELECT 1; SELECT * FROM secrets; SELECT 2', 'relation-refused', true],
  ])('judges %j: %s', async (sql, verdict, cacheable) => {
    expect(await verdictOf(sql)).toEqual([verdict, cacheable]);
  });

  it('takes one statement from Parse, and several from Query', async () => {
    expect(await verdictOf('SELECT 1; SELECT 2', {}, 'Parse')).toEqual(['syntax-error', true]);
    expect(await verdictOf('SELECT 1; SELECT 2')).toEqual(['Allow', true]);
  });

  it('refuses names that a database of another encoding folds or cuts by itself', async () => {
    const sql = 'WITH "cafÉ" AS (SELECT 1) SELECT * FROM cafÉ';
    expect(await verdictOf(sql)).toEqual(['Allow', true]);
    expect(await verdictOf(sql, { catalog: catalogOf({ encoding: 'LATIN1' }) })).toEqual(['not-understood', true]);
  });

  it('neither remembers nor passes on that the database did not answer a probe', async () => {
    const faults: unknown[] = [];
    const lost = upstreamLost();
    const probe = async (): Promise<never> => {
      throw lost;
    };
    const { judged, cacheable } = await judge('SELECT ssn FROM users', { probe, onFault: (fault) => faults.push(fault) });
    expect(judged).toMatchObject({ decision: 'Deny', failure: { fields: { severity: 'ERROR', code: 'scope-unchecked' } } });
    expect([cacheable, faults]).toEqual([false, [lost]]);
  });

  it('refuses a grant that the database cannot evaluate, and says why', async () => {
    const { judged } = await judge('SELECT ssn FROM users', { probe: async () => 'invalid input' });
    expect(judged).toMatchObject({
      failure: { fields: { code: 'grant-unusable', detail: 'The grant cannot be applied: invalid input.' } },
    });
  });

  it('tells what is in reach', async () => {
    const { judged } = await judge('SELECT u.ssn FROM users u JOIN orders o ON o.id = u.id WHERE u.ssn = $2 AND o.total = $1');
    expect(judged).toMatchObject({
      kinds: ['Select'],
      relations: ['public.users', 'public.orders'],
      masked: ['public.users.ssn'],
      filtered: [],
      policies: ['shop/readers'],
      maskedParameters: [2],
      keyed: false,
      unfenced: true,
      withholdErrors: false,
    });
  });
});
