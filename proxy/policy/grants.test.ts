import { describe, expect, it } from 'vitest';
import { grant, grantsOf, NOW, policy } from '../../test/support/small-catalog.ts';
import { relationKey } from '../catalog/catalog.ts';

const at = (offset: number): Date => new Date(NOW + offset);
const limits = policy().limits;

describe('grantsFor()', () => {
  it('gives nothing to an agent that no policy names, on another connection, or outside of its time', () => {
    expect(grantsOf(policy({ agents: [{ agent: 'other', password: undefined }] }))).toBeUndefined();
    expect(grantsOf(policy({ connection: 'shop/other' }))).toBeUndefined();
    expect(grantsOf(policy({ notBefore: at(1) }))).toBeUndefined();
    expect(grantsOf(policy({ notAfter: at(0) }))).toBeUndefined();
  });

  it('holds from notBefore until just before notAfter, and says when that changes', () => {
    expect(grantsOf(policy({ notBefore: at(0), notAfter: at(5) }))?.until).toBe(NOW + 5);
    expect(grantsOf(policy(), policy({ key: 'later', notBefore: at(3) }))?.until).toBe(NOW + 3);
    expect(grantsOf(policy())?.until).toBe(Number.POSITIVE_INFINITY);
  });

  it('merges relations, names and the strictest of each limit', () => {
    const grants = grantsOf(
      policy({ relations: [grant('users')], limits: { ...limits, statementTimeout: 900, sessions: 3 } }),
      policy({
        key: 'shop/more',
        relations: [grant('orders')],
        functions: [{ schema: 'hr', name: 'f' }],
        limits: { ...limits, statementTimeout: 500 },
      }),
    )!;
    expect([...grants.relations].map(([key, { policy: source }]) => [key, source])).toEqual([
      [relationKey('public', 'users'), 'shop/readers'],
      [relationKey('public', 'orders'), 'shop/more'],
    ]);
    expect(grants.limits).toEqual({ ...limits, statementTimeout: 500, sessions: 3 });
    expect([...grants.functions]).toEqual([relationKey('public', 'granted'), relationKey('hr', 'f')]);
    expect([...grants.schemas]).toEqual(['public', 'hr']);
    expect(grants.policies).toEqual(['shop/readers', 'shop/more']);
  });

  it('lets neither of two policies count that grant the same relation', () => {
    const grants = grantsOf(
      policy(),
      policy({ key: 'shop/b', relations: [grant('users')] }),
      policy({ key: 'shop/c', relations: [grant('users')] }),
    )!;
    expect([...grants.relations.keys()]).toEqual([relationKey('public', 'orders')]);
    expect([...grants.conflicts]).toEqual([[relationKey('public', 'users'), ['shop/readers', 'shop/b', 'shop/c']]]);
  });

  it('audits only where every policy does, and withholds notices where any does', () => {
    expect(grantsOf(policy({ mode: 'Audit' }), policy({ key: 'b', relations: [] }))).toMatchObject({ mode: 'Enforce', notices: 'Forward' });
    expect(grantsOf(policy({ mode: 'Audit' }), policy({ key: 'b', mode: 'Audit', notices: 'Withhold' }))).toMatchObject({
      mode: 'Audit',
      notices: 'Withhold',
    });
  });

  it('takes the strictest detector of each kind, and blocks nothing in mode Audit', () => {
    const first = policy({
      detect: [
        { kind: 'Iban', action: 'Mask' },
        { kind: 'PaymentCard', action: 'Report' },
      ],
    });
    const second = policy({
      key: 'b',
      relations: [],
      detect: [
        { kind: 'PaymentCard', action: 'Block' },
        { kind: 'Iban', action: 'Mask' },
      ],
    });
    expect(grantsOf(first, second)?.detect).toEqual([
      { kind: 'PaymentCard', action: 'Block', policy: 'b' },
      { kind: 'Iban', action: 'Mask', policy: 'shop/readers' },
    ]);
    expect(grantsOf({ ...first, mode: 'Audit' }, { ...second, mode: 'Audit' })?.detect).toEqual([
      { kind: 'PaymentCard', action: 'Report', policy: 'shop/readers' },
      { kind: 'Iban', action: 'Mask', policy: 'shop/readers' },
    ]);
  });
});
