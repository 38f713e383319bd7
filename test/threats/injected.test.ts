import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SIDECAR_CONTAINER } from '../../kernel/cluster-names.ts';
import { injectPod } from '../../operator/inject/inject-pod.ts';
import { NAMESPACE, SETTINGS, goldenPods } from '../golden/golden-pods.ts';
import { type OperatorCluster, ready, startOperatorCluster, until } from '../operator/operator-cluster.ts';
import { isPolicysRefusal, messageOf } from './cluster.ts';
import { SETTINGS as CHART_SETTINGS } from './pods.ts';

type Pod = { readonly metadata: { readonly [field: string]: unknown }; readonly spec: { readonly serviceAccountName?: string } };

let cluster: OperatorCluster;

beforeAll(async () => {
  cluster = await startOperatorCluster();
  await ready(await cluster.startReplica('operator-1'));
  await until(
    async () =>
      (await create({ metadata: { name: 'probe' }, spec: { containers: [{ name: SIDECAR_CONTAINER, image: 'x' }] } })).status === 403,
  );
});
afterAll(() => cluster?.stop());

/** A pod is created, and not kept. */
const create = (pod: object) => cluster.plane.request('POST', `/api/v1/namespaces/${NAMESPACE}/pods?dryRun=All`, pod);

/** As the user that the chart gives the sidecar. */
const withUser = (input: unknown): Pod =>
  JSON.parse(JSON.stringify(input).replaceAll(`${SETTINGS.sidecar.uid}`, `${CHART_SETTINGS.sidecar.uid}`)) as Pod;

const golden = goldenPods().map(({ name, input }) => ({ name, pod: withUser(input), type: injectPod(input, NAMESPACE, SETTINGS).type }));

describe('webhook and admission policies together', () => {
  it.each(golden.filter(({ type }) => type === 'Injected'))('let $name in, with the sidecar', async ({ pod }) => {
    const answer = await create({ ...pod, spec: { ...pod.spec, serviceAccountName: pod.spec.serviceAccountName ?? 'agent' } });
    expect([answer.status, messageOf(answer)]).toEqual([201, '']);
  });

  it.each(golden.filter(({ type }) => type === 'Refused'))('refuse $name in the words of the webhook', async ({ pod }) => {
    const answer = await create(pod);
    expect(messageOf(answer)).toContain('cannot be an agent of pg-airlock: ');
    expect(isPolicysRefusal(answer)).toBe(false);
  });
});
