import { describe, expect, it } from 'vitest';
import type { AccessPolicy, Detector } from '../kernel/policy.ts';
import { policy } from '../test/support/small-catalog.ts';
import { mildDetectors } from './lint-detectors.ts';

const found = (...policies: readonly AccessPolicy[]): readonly string[] =>
  mildDetectors({
    bundle: { revision: 'r', connections: new Map(), policies },
    now: 0,
    databases: new Map(),
    expression: () => ({ problem: 'unused' }),
  }).map(({ check, message }) => `${check}: ${message}`);

const detects = (...detect: readonly Detector[]): AccessPolicy => policy({ detect });

describe('mildDetectors()', () => {
  it('finds Block in mode Audit, where no other policy of the agent enforces', () => {
    const audited: AccessPolicy = { ...detects({ kind: 'Iban', action: 'Block' }, { kind: 'PaymentCard', action: 'Mask' }), mode: 'Audit' };
    expect(found(audited)).toEqual(['mild-detector: Iban with Block only reports in mode Audit']);
    expect(found(audited, policy({ key: 'shop/other' }))).toEqual([]);
    expect(found(audited, policy({ key: 'shop/other', connection: 'shop/else' }))).toEqual([
      'mild-detector: Iban with Block only reports in mode Audit',
    ]);
  });

  it('finds what another policy of the agent makes stricter', () => {
    const mild = detects({ kind: 'Iban', action: 'Report' }, { kind: 'PaymentCard', action: 'Mask' });
    const strict: AccessPolicy = {
      ...detects({ kind: 'Iban', action: 'Mask' }, { kind: 'PaymentCard', action: 'Mask' }),
      key: 'shop/strict',
    };
    expect(found(mild, strict)).toEqual([
      'mild-detector: Iban with Report has no effect where shop/strict is in force too, which is stricter',
    ]);
    expect(found(mild, { ...strict, agents: [] })).toEqual([]);
  });
});
