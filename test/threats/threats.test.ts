import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { AGENT_LABEL } from '../../kernel/cluster-names.ts';
import type { KubeObject } from '../../operator/kube/kube.ts';
import { objectOf, renderChart } from '../support/chart.ts';
import type { ControlPlane } from '../support/kubernetes.ts';
import { RULES, attempt, isPolicysRefusal, messageOf, refusal, startThreatened } from './cluster.ts';
import { LOOKED_AT, type Schemas, everyAddition, merged, namesIn } from './pod-schema.ts';
import { SETTINGS, agentPod } from './pods.ts';
import { AGENTS, MALLORY, core, create, patch } from './threat.ts';
import { THREATS } from './threats.ts';

/** No node has such a pod: as far as a connection gets once it is admitted. */
const ADMITTED = /^admitted$|does not have a host assigned|upgrade request required|no endpoints available|pod agent|address not allowed/i;

type Validations = readonly { readonly message?: string; readonly messageExpression?: string }[];

type AgentPod = { readonly spec: { readonly initContainers: readonly object[]; readonly volumes: readonly { readonly name: string }[] } };

/** Where the kubelet asks, how much the sidecar may use, and what this API server knows and takes out since it is switched off. */
const HARMLESS = [
  /^sidecar\.(liveness|readiness|startup)Probe\.(httpGet|initialDelaySeconds|timeoutSeconds|periodSeconds|successThreshold|failureThreshold|terminationGracePeriodSeconds)/,
  /^sidecar\.securityContext\.(runAsNonRoot|readOnlyRootFilesystem)$/,
  /^sidecar\.lifecycle\.stopSignal$/,
  /^pg-airlock-access\.projected\.(defaultMode$|sources\.(clusterTrustBundle|podCertificate)\.)/,
  /^pg-airlock-audit\.emptyDir\./,
];

describe('the admission policies of the chart', () => {
  let cluster: ControlPlane;
  let chart: readonly KubeObject[];
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
    const { data } = objectOf(chart, 'ConfigMap', 'pg-airlock-operator') as KubeObject & {
      readonly data: Readonly<Record<string, string>>;
    };
    const config = parse(data['config.yaml'] ?? '') as { readonly sidecar: object; readonly control: { readonly url: string } };
    expect(config).toMatchObject({ sidecar: SETTINGS.sidecar, control: { url: SETTINGS.controlUrl } });
  });

  it('has no rule that no row tries', () => {
    const untried = chart
      .filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')
      .flatMap((policy) =>
        validationsOf(policy)
          .map(({ message, messageExpression = '' }) => ({
            name: policy.metadata.name,
            parts: message === undefined ? literals(messageExpression) : [message],
          }))
          .filter(
            ({ parts }) =>
              ![...refusals].some(
                (refused) => refused.includes(`'${policy.metadata.name}'`) && parts.every((part) => refused.includes(part)),
              ),
          ),
      );
    expect(untried).toEqual([]);
  });

  it('has a policy for each row, and denies', () => {
    const policies = chart.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');
    expect(new Set(THREATS.map(({ policy }) => `pg-airlock-${policy}`))).toEqual(new Set(policies.map(({ metadata }) => metadata.name)));
    for (const policy of policies) expect(policy).toMatchObject({ spec: { failurePolicy: 'Fail' } });
    const bindings = chart.filter(({ kind }) => kind === 'ValidatingAdmissionPolicyBinding');
    for (const binding of bindings) expect(binding).toMatchObject({ spec: { validationActions: ['Deny'] } });
  });

  it.each([
    ['a copy of an agent, to look into it', ['--copy-to=copy', '--share-processes', '--container=debug'], 'pg-airlock-sidecar'],
    [
      'a copy without init containers',
      ['--copy-to=copy', '--profile=general', '--keep-init-containers=false', '--container=debug'],
      'pg-airlock-reserved-names',
    ],
    ['the processes of the sidecar', ['--target=pg-airlock'], 'pg-airlock-reserved-names'],
    ['with all rights', ['--profile=sysadmin'], 'pg-airlock-node-access'],
  ])('has kubectl debug refused: %s', async (_what, parameters, policy) => {
    const debug = ['debug', 'agent', '--namespace', AGENTS, '--image=busybox', '--attach=false', ...parameters];
    const { code, stderr } = await cluster.kubectl(debug, { as: MALLORY });
    expect(code).toBe(1);
    expect(stderr).toContain(`ValidatingAdmissionPolicy '${policy}'`);
  });

  it('lets kubectl debug look into the agent itself', async () => {
    const debug = ['debug', 'agent', '--namespace', AGENTS, '--image=busybox', '--attach=false', '--profile=general', '--target=main'];
    expect(await cluster.kubectl(debug, { as: MALLORY })).toMatchObject({ code: 0 });
  });

  it('lets a subresource that knows no metadata change none', async () => {
    const path = `${core(AGENTS, 'pods')}/plain`;
    for (const subresource of ['resize', 'ephemeralcontainers']) {
      const body = { metadata: { labels: { [AGENT_LABEL]: 'true' } } };
      await cluster.request('PATCH', `${path}/${subresource}`, body, { as: MALLORY });
    }
    const { body } = await cluster.request('GET', path);
    expect(body).toMatchObject({ metadata: expect.not.objectContaining({ labels: expect.anything() }) });
  });

  describe('after an upgrade to a release with another image', () => {
    const upgraded = async (values: Readonly<Record<string, unknown>>): Promise<void> => {
      const rendered = await renderChart({ 'image.proxy.tag': '0.2.0', ...values });
      await cluster.apply(rendered.filter(({ kind }) => RULES.includes(kind ?? '') && kind !== 'CustomResourceDefinition'));
    };
    const pods = core(AGENTS, 'pods');
    const image = 'image "pg-airlock/proxy:0.1.0" is not the airlock\'s: container "pg-airlock" runs pg-airlock/proxy:0.2.0';

    it('refuses new pods with the old one, and leaves alone those that have it', async () => {
      await upgraded({});
      expect(messageOf(await refusal(cluster, create(pods, agentPod())))).toContain(image);
      const changed = { metadata: { finalizers: ['example.com/x'] }, spec: { containers: [{ name: 'main', image: 'agent:2' }] } };
      expect(await attempt(cluster, patch(`${pods}/agent`, changed))).toMatchObject({ status: 200 });
    });

    it('lets new pods have it where the values say so', async () => {
      await upgraded({ 'admissionPolicies.sidecarImages': ['pg-airlock/proxy:0.1.0'] });
      await vi.waitFor(async () => expect(await attempt(cluster, create(pods, agentPod()))).toMatchObject({ status: 201 }), 20_000);
    });
  });

  it('lets nothing be added to the sidecar, or to its volumes, but what opens nothing', async () => {
    const { body } = await cluster.request('GET', '/openapi/v3/api/v1');
    const { schemas } = (body as { readonly components: { readonly schemas: Schemas } }).components;
    const pod = agentPod() as AgentPod;
    const [sidecar, ...others] = pod.spec.initContainers;
    const pods = [
      ...everyAddition(schemas, 'Container').map(({ path, value }) => ({
        path: `sidecar.${path}`,
        spec: { ...pod.spec, initContainers: [merged(sidecar, value), ...others] },
      })),
      ...everyAddition(schemas, 'Volume').flatMap(({ path, value }) =>
        pod.spec.volumes.map((volume, index) => ({
          path: `${volume.name}.${path}`,
          spec: { ...pod.spec, volumes: pod.spec.volumes.map((own, at) => (at === index ? merged(own, value) : own)) },
        })),
      ),
    ];
    const accepted = new Set<string>();
    const left = [...pods];
    const work = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const { status } = await attempt(cluster, create(core(AGENTS, 'pods'), { ...pod, spec: next.spec }));
        if (status === 201) accepted.add(next.path);
      }
    };
    await Promise.all(Array.from({ length: 8 }, work));
    expect(pods.length).toBeGreaterThan(500);
    expect(accepted).toContain('sidecar.livenessProbe.periodSeconds');
    expect([...accepted].filter((path) => !HARMLESS.some((harmless) => harmless.test(path)))).toEqual([]);
  }, 120_000);

  it('has looked at each field of a pod by which it can name a Secret or a volume', async () => {
    const { body } = await cluster.request('GET', '/openapi/v3/api/v1');
    const { schemas } = (body as { readonly components: { readonly schemas: Schemas } }).components;
    expect([...namesIn(schemas)].filter((path) => !LOOKED_AT.has(path))).toEqual([]);
  });
});

const validationsOf = (policy: KubeObject): Validations =>
  (policy as KubeObject & { readonly spec: { readonly validations: Validations } }).spec.validations;

/** The texts of an expression in CEL that puts them together. */
const literals = (expression: string): readonly string[] =>
  [...expression.matchAll(/'((?:[^'\\]|\\.)*)'/g)].map(([, text = '']) => text.replaceAll("\\'", "'"));
