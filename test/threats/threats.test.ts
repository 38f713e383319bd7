import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ControlPlane } from '../support/kubernetes.ts';
import { type ChartObject, attempt, isPolicysRefusal, messageOf, refusal, startThreatened } from './cluster.ts';
import { SETTINGS } from './pods.ts';
import { THREATS } from './threats.ts';

/** No node has such a pod: as far as a connection gets once it is admitted. */
const ADMITTED = /^admitted$|does not have a host assigned|upgrade request required|no endpoints available|pod agent|address not allowed/i;

type Validations = readonly { readonly message?: string; readonly messageExpression?: string }[];

describe('the admission policies of the chart', () => {
  let cluster: ControlPlane;
  let chart: readonly ChartObject[];
  const refusals = new Set<string>();
  beforeAll(async () => {
    ({ cluster, chart } = await startThreatened());
  });
  afterAll(() => cluster?.stop());

  it.each(THREATS.map((threat, index) => [index, threat.policy, threat.attempt, threat] as const))(
    'row %i, %s: %s',
    async (_index, _policy, _attempt, { policy, says, attack, twin }) => {
      const refused = await refusal(cluster, attack);
      const message = messageOf(refused);
      expect(message).toContain(`ValidatingAdmissionPolicy 'pg-airlock-${policy}' with binding 'pg-airlock-${policy}`);
      expect(message).toContain(`denied request: ${says}`);
      expect([403, 422]).toContain(refused.status);
      refusals.add(message);

      const passed = await attempt(cluster, twin);
      expect(passed.status < 300 ? 'admitted' : messageOf(passed)).toMatch(ADMITTED);
      expect(isPolicysRefusal(passed)).toBe(false);
    },
  );

  it('is tried on pods that are as the chart has the operator render them', () => {
    const text = chart.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'pg-airlock-operator')?.data?.['config.yaml'];
    const config = parse(text ?? '') as { readonly sidecar: object; readonly control: { readonly url: string } };
    expect(config).toMatchObject({ sidecar: SETTINGS.sidecar, control: { url: SETTINGS.controlUrl } });
  });

  it('has no rule that no row tries', () => {
    const untried = chart
      .filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')
      .flatMap(({ metadata: { name }, spec }) =>
        validationsOf(spec)
          .map(({ message, messageExpression = '' }) => ({ name, parts: message === undefined ? literals(messageExpression) : [message] }))
          .filter(
            ({ parts }) => ![...refusals].some((refused) => refused.includes(`'${name}'`) && parts.every((part) => refused.includes(part))),
          ),
      );
    expect(untried).toEqual([]);
  });

  it('has a policy for each row, and denies', () => {
    const policies = chart.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');
    expect(new Set(THREATS.map(({ policy }) => `pg-airlock-${policy}`))).toEqual(new Set(policies.map(({ metadata }) => metadata.name)));
    for (const { spec } of policies) expect(spec?.['failurePolicy']).toBe('Fail');
    const bindings = chart.filter(({ kind }) => kind === 'ValidatingAdmissionPolicyBinding');
    for (const { spec } of bindings) expect(spec?.['validationActions']).toEqual(['Deny']);
  });
});

const validationsOf = (spec: ChartObject['spec']): Validations => (spec?.['validations'] ?? []) as Validations;

/** The texts of an expression in CEL that puts them together. */
const literals = (expression: string): readonly string[] =>
  [...expression.matchAll(/'((?:[^'\\]|\\.)*)'/g)].map(([, text = '']) => text.replaceAll("\\'", "'"));
