/** What the chart renders, and what values it refuses. No cluster. */
import { describe, expect, it } from 'vitest';
import { AGENT_LABEL } from '../../kernel/cluster-names.ts';
import { type OperatorConfig, parseOperatorConfig } from '../../operator/config.ts';
import { CHART, type ChartValues, helm, objectOf, renderChart } from '../support/chart.ts';

type Template = {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
};

const template = (object: unknown): Template => (object as { spec: { template: Template } }).spec.template;

describe('the chart', () => {
  it('passes helm lint', async () => {
    expect(await helm(['lint', CHART, '--strict'])).toMatchObject({ code: 0, stdout: expect.stringContaining('0 chart(s) failed') });
  });

  it('asks to see each pod of an agent that is created, wherever it is, and to refuse it where nobody answers', async () => {
    const objects = await renderChart();
    const clientConfig = (path: string): object => ({
      service: { name: 'pg-airlock-webhook', namespace: 'pg-airlock', path, port: 443 },
    });
    expect(objectOf(objects, 'MutatingWebhookConfiguration')['webhooks']).toEqual([
      {
        name: 'pods.pg-airlock.dev',
        admissionReviewVersions: ['v1'],
        clientConfig: clientConfig('/mutate-pods'),
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' }],
        objectSelector: {
          matchExpressions: [
            { key: AGENT_LABEL, operator: 'Exists' },
            { key: AGENT_LABEL, operator: 'NotIn', values: ['false'] },
          ],
        },
        namespaceSelector: {
          matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['pg-airlock', 'kube-system'] }],
        },
        matchPolicy: 'Equivalent',
        failurePolicy: 'Fail',
        reinvocationPolicy: 'IfNeeded',
        sideEffects: 'None',
        timeoutSeconds: 5,
      },
    ]);
    expect(objectOf(objects, 'ValidatingWebhookConfiguration')['webhooks']).toEqual([
      {
        name: 'manifests.pg-airlock.dev',
        admissionReviewVersions: ['v1'],
        clientConfig: clientConfig('/validate'),
        rules: [
          {
            apiGroups: ['pg-airlock.dev'],
            apiVersions: ['v1alpha1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['databaseconnections', 'databaseaccesspolicies'],
            scope: 'Namespaced',
          },
        ],
        matchPolicy: 'Equivalent',
        failurePolicy: 'Fail',
        sideEffects: 'None',
        timeoutSeconds: 5,
      },
    ]);
  });

  it('configures the operator as the operator reads it', async () => {
    const parsed = async (values: ChartValues): Promise<OperatorConfig> => {
      const map = objectOf(await renderChart(values), 'ConfigMap', 'pg-airlock-operator');
      return parseOperatorConfig((map['data'] as Readonly<Record<string, string>>)['config.yaml'] ?? '');
    };
    const service = (name: string): readonly string[] => [
      `pg-airlock-${name}.pg-airlock.svc`,
      `pg-airlock-${name}.pg-airlock.svc.cluster.local`,
    ];
    const configuration: OperatorConfig = {
      namespace: 'pg-airlock',
      excludedNamespaces: ['pg-airlock', 'kube-system'],
      connections: { allowUnverifiedServers: false },
      sidecar: {
        image: 'pg-airlock/proxy:0.1.0',
        imagePullPolicy: 'IfNotPresent',
        uid: 20432,
        resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } },
        staleAfter: 300,
        logLevel: 'info',
        auditSizeLimit: '1Gi',
      },
      control: { listen: { host: '0.0.0.0', port: 8444 }, url: 'https://pg-airlock-control.pg-airlock.svc:8444' },
      admission: {
        listen: { host: '0.0.0.0', port: 8443 },
        mutatingConfiguration: 'pg-airlock',
        validatingConfiguration: 'pg-airlock',
      },
      certificates: {
        source: 'SelfManaged',
        secret: 'pg-airlock-certificates',
        dnsNames: [...service('webhook'), ...service('control')],
      },
      metrics: { listen: { host: '0.0.0.0', port: 9633 } },
      leaderElection: { lease: 'pg-airlock-operator' },
      logLevel: 'info',
    };
    expect(await parsed({})).toEqual(configuration);
    expect(await parsed({ 'certificates.source': 'CertManager' })).toEqual({
      ...configuration,
      admission: { ...configuration.admission, mutatingConfiguration: '', validatingConfiguration: '' },
      certificates: { source: 'Files', directory: '/etc/pg-airlock/certificates' },
    });
    const outside = await parsed({
      'webhook.url': 'https://10.0.0.7:8443',
      'control.url': 'https://[fd00::7]:8444',
      excludedNamespaces: [],
      'connections.allowUnverifiedServers': true,
      'sidecar.resources.limits': { cpu: '1', memory: null },
    });
    expect(outside).toEqual({
      ...configuration,
      excludedNamespaces: ['pg-airlock'],
      connections: { allowUnverifiedServers: true },
      sidecar: { ...configuration.sidecar, resources: { ...configuration.sidecar.resources, limits: { cpu: '1' } } },
      control: { ...configuration.control, url: 'https://[fd00::7]:8444' },
      certificates: { ...configuration.certificates, dnsNames: [...service('webhook'), ...service('control'), '10.0.0.7', 'fd00::7'] },
    });
  });

  it('leaves out what the values switch off', async () => {
    const kinds = (await renderChart({ 'crds.install': false, 'cleanUp.enabled': false })).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'CustomResourceDefinition' || kind === 'Job')).toEqual([]);
  });

  it('rolls the operator when its configuration changes, and only then', async () => {
    const checksum = async (values: ChartValues): Promise<unknown> =>
      template(objectOf(await renderChart(values), 'Deployment')).metadata.annotations['checksum/config'];
    const plain = await checksum({});
    expect(await checksum({ 'operator.replicas': 3 })).toBe(plain);
    expect(await checksum({ 'sidecar.staleAfter': 60 })).not.toBe(plain);
  });

  it('keeps a webhook there while it rolls, drains a node or loses one', async () => {
    const objects = await renderChart();
    expect(objectOf(objects, 'Deployment')['spec']).toMatchObject({
      replicas: 2,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        spec: {
          topologySpreadConstraints: ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
            topologyKey,
            maxSkew: 1,
            whenUnsatisfiable: 'ScheduleAnyway',
          })),
          containers: [
            {
              startupProbe: { httpGet: { path: '/healthz', port: 'metrics' } },
              livenessProbe: { httpGet: { path: '/healthz', port: 'metrics' } },
              readinessProbe: { httpGet: { path: '/readyz', port: 'metrics' } },
              lifecycle: { preStop: { sleep: { seconds: 5 } } },
            },
          ],
        },
      },
    });
    expect(objectOf(objects, 'PodDisruptionBudget')['spec']).toMatchObject({ maxUnavailable: 1 });
  });

  it('gives no right over webhook configurations where cert-manager keeps them', async () => {
    const role = async (values: ChartValues): Promise<string> =>
      JSON.stringify(objectOf(await renderChart(values), 'ClusterRole', 'pg-airlock-operator')['rules']);
    expect(await role({})).toContain('webhookconfigurations');
    expect(await role({ 'certificates.source': 'CertManager' })).not.toContain('webhookconfigurations');
  });

  it('names an image by its digest where there is one', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const objects = await renderChart({ 'image.operator.digest': digest, 'image.operator.repository': 'registry:5000/airlock' });
    expect(template(objectOf(objects, 'Deployment')).spec.containers[0]?.image).toBe(`registry:5000/airlock@${digest}`);
  });

  it('renders nothing that runs for an operator outside of the cluster', async () => {
    const objects = await renderChart({ 'webhook.url': 'https://10.0.0.7:8443', 'control.url': 'https://[fd00::7]:8444' });
    const running = ['Deployment', 'PodDisruptionBudget', 'Service', 'NetworkPolicy', 'Job', 'Pod'];
    expect(objects.filter(({ kind = '' }) => running.includes(kind))).toEqual([]);
    expect(objectOf(objects, 'MutatingWebhookConfiguration')).toMatchObject({
      webhooks: [{ clientConfig: { url: 'https://10.0.0.7:8443/mutate-pods' } }],
    });
    expect(objectOf(objects, 'ValidatingWebhookConfiguration')).toMatchObject({
      webhooks: [{ clientConfig: { url: 'https://10.0.0.7:8443/validate' } }],
    });
  });

  it('lets an agent, and nothing else, reach databases that the values name', async () => {
    const values = { namespaces: ['agents', 'more'], databases: [{ cidr: '10.1.0.0/16' }, { cidr: '10.2.0.9/32', port: 6432 }] };
    const objects = await renderChart({ 'networkPolicy.agents': values });
    const policies = objects.filter(({ metadata }) => metadata.name === 'pg-airlock-agents');
    expect(policies.map(({ metadata }) => metadata.namespace)).toEqual(['agents', 'more']);
    const allowed = (policies[0] as unknown as { spec: { egress: { to: object[]; ports: object[] }[] } }).spec.egress;
    expect(allowed.slice(2)).toEqual([
      { to: [{ ipBlock: { cidr: '10.1.0.0/16' } }], ports: [{ port: 5432, protocol: 'TCP' }] },
      { to: [{ ipBlock: { cidr: '10.2.0.9/32' } }], ports: [{ port: 6432, protocol: 'TCP' }] },
    ]);
  });

  it.each([
    ['a value that does not exist', { 'sidecar.uuid': 1 }, "additional properties 'uuid' not allowed"],
    ['one at the top', { sidecars: 1 }, "additional properties 'sidecars' not allowed"],
    ['a sidecar that runs as root', { 'sidecar.uid': 0 }, 'minimum: got 0, want 1'],
    ['a quantity that is none', { 'sidecar.auditSizeLimit': '1 GB' }, "'1 GB' does not match pattern"],
    ['a number where a quantity is expected', { 'sidecar.resources.limits.cpu': 1 }, 'got number, want string'],
    ['a log level that does not exist', { 'operator.logLevel': 'loud' }, 'value must be one of'],
    ['a webhook without TLS', { 'webhook.url': 'http://here:8443' }, "'http://here:8443' does not match pattern"],
    ['a digest that is none', { 'image.proxy.digest': 'sha256:beef' }, "'sha256:beef' does not match pattern"],
    ['an image that is no image', { 'image.proxy.repository': 'a b' }, "'a b' does not match pattern"],
    ['a source of certificates that does not exist', { 'certificates.source': 'Mine' }, 'value must be one of'],
    ['a word for yes', { 'connections.allowUnverifiedServers': 'yes' }, 'got string, want boolean'],
    ['a namespace that can be none', { excludedNamespaces: ['Kube'] }, "'Kube' does not match pattern"],
  ])('refuses %s', async (_, values, message) => {
    await expect(renderChart(values)).rejects.toThrow(message);
  });
});
