/** The chart's life on a real API server: installed, upgraded, rolled back, uninstalled by a real Helm. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../operator/kube/kube.ts';
import { CHART, RELEASE, RELEASE_NAMESPACE, renderChart, settings } from '../support/chart.ts';
import { goModule } from '../support/go-module.ts';
import { type ControlPlane, startControlPlane } from '../support/kubernetes.ts';

const OPERATOR = 'system:serviceaccount:pg-airlock:pg-airlock-operator';
const WEBHOOKS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pg-airlock';
const SIDECAR_POLICY = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/pg-airlock-sidecar';
const POLICIES_CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/databaseaccesspolicies.pg-airlock.dev';

const EVERYTHING = {
  'networkPolicy.metricsFrom': [{ namespaceSelector: { matchLabels: { team: 'observability' } } }],
  'networkPolicy.agents': { namespaces: ['agents'], databases: [{ cidr: '10.0.0.0/8' }], egress: [{ ports: [{ port: 443 }] }] },
  imagePullSecrets: [{ name: 'registry' }],
  'operator.priorityClassName': 'system-cluster-critical',
  'operator.nodeSelector': { 'kubernetes.io/os': 'linux' },
  'operator.tolerations': [{ key: 'dedicated', operator: 'Exists' }],
  'operator.affinity': { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
  'operator.podLabels': { team: 'platform' },
  'operator.podAnnotations': { note: 'on' },
  'rbac.aggregateToEdit': true,
  'test.agent': { namespace: 'agents', connection: 'data/shop', database: 'shop', labels: { app: 'reporting' } },
};

/** The pods that run of it: itself, or what its template makes. */
const podsOf = (object: KubeObject): readonly KubeObject[] => {
  if (object.kind === 'Pod') return [object];
  const template = (object['spec'] as { readonly template?: KubeObject } | undefined)?.template;
  return template === undefined ? [] : [template];
};

const namespace = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

describe('the chart on a real API server', { timeout: 120_000 }, () => {
  let cluster: ControlPlane;
  beforeAll(async () => {
    cluster = await startControlPlane();
    await cluster.apply([namespace(RELEASE_NAMESPACE), namespace('agents')]);
  });
  afterAll(() => cluster.stop());

  const helm = async (...parameters: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await cluster.helm([...parameters, '--namespace', RELEASE_NAMESPACE]);
    if (code !== 0) throw new Error(stderr);
    return stdout;
  };
  const objectAt = async (path: string): Promise<KubeObject> => (await cluster.request('GET', path)).body as KubeObject;

  /** What the API server has against creating them: unknown fields too, and warnings. */
  const complaints = async (items: readonly KubeObject[]): Promise<string> => {
    const stdin = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    return (await cluster.kubectl(['create', '--dry-run=server', '--validate=strict', '-f', '-'], { stdin })).stderr;
  };

  /** Every object of every kind, but for what the API server makes by itself. */
  const inventory = async (): Promise<readonly string[]> => {
    const kinds = (await cluster.kubectl(['api-resources', '--verbs=list', '-o', 'name'])).stdout.trim().split('\n');
    const listed = kinds.filter((kind) => !/^(events|componentstatuses|apiservices|leases|flowschemas|prioritylevel)/.test(kind));
    const columns = 'custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name';
    const { stdout } = await cluster.kubectl(['get', `${listed.join()},leases.coordination.k8s.io`, '-A', '--no-headers', '-o', columns]);
    const lines = stdout.trim().split('\n');
    return lines.map((line) => line.split(/\s+/).join(' ')).filter((line) => !line.startsWith('Lease kube-system'));
  };

  it.each([
    ['defaults', {}],
    ['everything set', EVERYTHING],
    ['an operator elsewhere', { 'webhook.url': 'https://10.0.0.7:8443', 'control.url': 'https://10.0.0.7:8444' }],
  ])('renders what the API server accepts without a warning: %s', async (_, values) => {
    expect(await complaints(await renderChart(values))).toBe('');
  });

  it('may be named otherwise', async () => {
    const release = 'r'.repeat(48);
    const elsewhere = await renderChart(EVERYTHING, release, 'agents');
    expect(elsewhere.filter(({ metadata }) => !/^(r{48}|.*\.pg-airlock\.dev$)/.test(metadata.name))).toEqual([]);
    expect(await complaints(elsewhere)).toBe('');
  });

  it('runs nothing that Pod Security refuses at its strictest level', async () => {
    const enforce = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await cluster.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'strict', labels: enforce } }]);
    const objects = await renderChart({ ...EVERYTHING, 'operator.priorityClassName': '', 'test.agent.namespace': 'strict' });
    const pods = objects.flatMap(podsOf);
    const answers = pods.map(async ({ metadata, ...others }, index) => {
      const pod = { ...others, metadata: { labels: metadata.labels, name: `pod-${index}` } };
      return (await cluster.request('POST', '/api/v1/namespaces/strict/pods?dryRun=All', pod)).status;
    });
    expect(await Promise.all(answers)).toEqual([201, 201, 201, 201]);
  });

  it('renders for cert-manager what its kinds say', async () => {
    const module = await goModule('github.com/cert-manager/cert-manager@v1.19.1');
    for (const name of ['certificates', 'issuers']) {
      await cluster.apply(await readFile(join(module, 'deploy', 'crds', `cert-manager.io_${name}.yaml`), 'utf8'));
    }
    for (const values of [{}, { 'certificates.issuerRef': { name: 'corporate', kind: 'ClusterIssuer' } }]) {
      const items = await renderChart({ ...values, 'certificates.source': 'CertManager' });
      expect(items.filter(({ kind }) => kind === 'Certificate')).toHaveLength('certificates.issuerRef' in values ? 1 : 2);
      expect(await complaints(items)).toBe('');
    }
  });

  it('renders for prometheus-operator what its kinds say', async () => {
    const module = await goModule('github.com/prometheus-operator/prometheus-operator@v0.85.0');
    for (const name of ['podmonitors', 'servicemonitors', 'prometheusrules']) {
      const crd = join(module, 'example', 'prometheus-operator-crd', `monitoring.coreos.com_${name}.yaml`);
      // Too large for the annotation that a plain apply leaves behind.
      const { code, stderr } = await cluster.kubectl(['apply', '--server-side', '-f', crd]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
    const monitoring = Object.fromEntries(
      ['podMonitor', 'serviceMonitor', 'prometheusRule', 'dashboard'].map((name) => [name, { enabled: true, labels: { release: 'x' } }]),
    );
    const items = await renderChart({ monitoring });
    const kinds = ['PodMonitor', 'PrometheusRule', 'ServiceMonitor'];
    expect(items.flatMap(({ kind = '' }) => (kinds.includes(kind) ? [kind] : [])).toSorted()).toEqual(kinds);
    expect(await complaints(items)).toBe('');
  });

  describe('in its life', () => {
    let before: readonly string[] = [];
    let notes = '';
    const clientConfigs = async (): Promise<readonly { readonly caBundle?: string }[]> => {
      const { webhooks } = (await objectAt(WEBHOOKS)) as unknown as { webhooks: { clientConfig: { caBundle?: string } }[] };
      return webhooks.map(({ clientConfig }) => clientConfig);
    };
    const caBundle = async (): Promise<unknown> => (await clientConfigs())[0]?.caBundle;
    const policyColumns = async (): Promise<readonly string[]> => {
      const { spec } = (await objectAt(POLICIES_CRD)) as unknown as {
        spec: { versions: { additionalPrinterColumns?: { name: string }[] }[] };
      };
      return spec.versions[0]?.additionalPrinterColumns?.map(({ name }) => name) ?? [];
    };
    const encoded = (text: string): string => Buffer.from(text).toString('base64');
    const certificate = async (): Promise<string> => encoded(await readFile(join(cluster.directory, 'pki', 'ca.crt'), 'utf8'));

    it('is installed, first as a version whose kinds said less', async () => {
      before = await inventory();
      const older = join(cluster.directory, 'older');
      await cp(CHART, older, { recursive: true });
      const crd = join(older, 'files/crds/databaseaccesspolicies.yaml');
      await writeFile(crd, (await readFile(crd, 'utf8')).replace(/ +additionalPrinterColumns:\n(?: +- .*\n)+/, ''));
      notes = await helm('install', RELEASE, older);
      expect(await cluster.kubectl(['get', 'dap,dbc', '-A'])).toMatchObject({ code: 0, stderr: 'No resources found\n' });
      expect(await policyColumns()).toEqual([]);
      expect(await caBundle()).toBeUndefined();
    });

    it('leaves the caBundle to the operator when it is upgraded with the same values, with others, and rolled back', async () => {
      const bundle = await certificate();
      const patch = [{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: bundle }];
      const answer = await cluster.request('PATCH', WEBHOOKS, patch, { as: OPERATOR, contentType: 'application/json-patch+json' });
      expect(answer.status).toBe(200);
      await helm('upgrade', RELEASE, CHART);
      expect(await caBundle()).toBe(bundle);
      await helm('upgrade', RELEASE, CHART, ...settings({ 'webhook.timeoutSeconds': 7, 'operator.replicas': 3 }));
      expect(await objectAt(WEBHOOKS)).toMatchObject({ webhooks: [{ timeoutSeconds: 7, clientConfig: { caBundle: bundle } }] });
      expect(await objectAt('/apis/apps/v1/namespaces/pg-airlock/deployments/pg-airlock-operator')).toMatchObject({
        spec: { replicas: 3 },
      });
      await helm('upgrade', RELEASE, CHART, ...settings({ 'image.proxy.tag': '9.9.9' }));
      expect(JSON.stringify(await objectAt(SIDECAR_POLICY))).toContain(
        String.raw`in [\"pg-airlock/proxy:9.9.9\",\"pg-airlock/proxy:0.1.0\"]`,
      );
      await helm('rollback', RELEASE, '1');
      expect(await objectAt(WEBHOOKS)).toMatchObject({ webhooks: [{ timeoutSeconds: 5, clientConfig: { caBundle: bundle } }] });
    });

    it('leads the webhooks elsewhere and back', async () => {
      const bundle = await caBundle();
      await helm('upgrade', RELEASE, CHART, ...settings({ 'webhook.url': 'https://10.0.0.7:8443' }));
      const [outside] = await clientConfigs();
      expect(outside).toEqual({ url: 'https://10.0.0.7:8443/mutate-pods', caBundle: bundle });
      await helm('upgrade', RELEASE, CHART, '--reset-values');
      const [inside] = await clientConfigs();
      expect(inside).toEqual({
        service: { name: 'pg-airlock-webhook', namespace: 'pg-airlock', path: '/mutate-pods', port: 443 },
        caBundle: bundle,
      });
    });

    it('leaves the certificates to the operator', async () => {
      const path = '/api/v1/namespaces/pg-airlock/secrets/pg-airlock-certificates';
      await cluster.request('PATCH', path, { data: { 'tls.key': 'eA==' } }, { as: OPERATOR });
      await helm('upgrade', RELEASE, CHART, ...settings({ 'sidecar.staleAfter': 60 }));
      expect(await objectAt(path)).toMatchObject({ type: 'Opaque', data: { 'tls.key': 'eA==' } });
    });

    it('has upgraded its kinds', async () => {
      await helm('upgrade', RELEASE, CHART, '--reset-values');
      expect(await policyColumns()).toContain('Ready');
    });

    it('is uninstalled and leaves its kinds with their objects, and nothing else', async () => {
      await helm('uninstall', RELEASE, '--no-hooks');
      const after = await inventory();
      expect(after.filter((line) => !before.includes(line))).toEqual([
        'CustomResourceDefinition <none> databaseaccesspolicies.pg-airlock.dev',
        'CustomResourceDefinition <none> databaseconnections.pg-airlock.dev',
      ]);
    });

    it('has said so when it was installed, and how to prove that it works', async () => {
      expect(notes).toContain('its CustomResourceDefinitions stay');
      const [, manifests = ''] = /<<'EOF'\n([^]*?)\nEOF\n/.exec(notes) ?? [];
      const documents = parseAllDocuments(manifests).map((document) => document.toJS() as KubeObject);
      expect(documents.map(({ kind }) => kind)).toEqual(['DatabaseConnection', 'DatabaseAccessPolicy']);
      await cluster.apply([namespace('data')]);
      expect(await complaints(documents)).toBe('');
      expect(notes).toMatch(/-c 'DROP TABLE customers'\n[^]*helm test pg-airlock -n pg-airlock\n$/);
    });

    it('deletes what the operator made in the namespaces of agents', async () => {
      const secret = (name: string, labels: object): object => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace: 'agents', labels: { 'app.kubernetes.io/managed-by': 'pg-airlock', ...labels } },
      });
      await cluster.apply([
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'agents', labels: { 'pg-airlock.dev/managed': 'true', team: 'sales' } } },
        secret('pg-airlock-data.shop', {}),
        secret('pg-airlock-of-others', { 'app.kubernetes.io/managed-by': 'Helm' }),
        secret('labelled-by-somebody', {}),
        ...(await renderChart()).filter(
          ({ kind = '', metadata }) => metadata.name === 'pg-airlock-clean-up' && /^(ServiceAccount|ClusterRole)/.test(kind),
        ),
      ]);
      const account = '/api/v1/namespaces/pg-airlock/serviceaccounts/pg-airlock-clean-up/token';
      const { body } = await cluster.request('POST', account, { spec: {} });
      const tokenFile = join(cluster.directory, 'clean-up-token');
      await writeFile(tokenFile, (body as { status: { token: string } }).status.token);
      const script = spawn(process.execPath, [join(CHART, 'files/scripts/clean-up.mts'), cluster.url, tokenFile], {
        env: { NODE_EXTRA_CA_CERTS: join(cluster.directory, 'pki', 'ca.crt') },
      });
      const [said, [code]] = await Promise.all([text(script.stdout), once(script, 'exit')]);
      expect({ said, code }).toEqual({
        said: [
          'deleted Secret agents/pg-airlock-data.shop\n',
          'took the label pg-airlock.dev/managed off namespace agents\n',
          'nothing of pg-airlock is left in the namespaces of agents\n',
        ].join(''),
        code: 0,
      });
      const { stdout } = await cluster.kubectl(['get', 'secrets', '-n', 'agents', '-o', 'name']);
      expect(stdout).toBe('secret/labelled-by-somebody\nsecret/pg-airlock-of-others\n');
      expect((await objectAt('/api/v1/namespaces/agents')).metadata.labels).toEqual({
        'kubernetes.io/metadata.name': 'agents',
        team: 'sales',
      });
    });

    it('is installed again over the kinds that stayed', async () => {
      expect(await helm('install', RELEASE, CHART)).toContain('STATUS: deployed');
      await helm('uninstall', RELEASE, '--no-hooks');
    });

    it('is installed over kinds that somebody applied, when told to take them', async () => {
      for (const name of ['databaseaccesspolicies', 'databaseconnections']) {
        await cluster.kubectl(['delete', 'crd', `${name}.pg-airlock.dev`]);
        const crd = join(CHART, '..', '..', 'crds', `${name}.yaml`);
        expect(await cluster.kubectl(['apply', '-f', crd])).toMatchObject({ code: 0 });
      }
      await expect(helm('install', RELEASE, CHART)).rejects.toThrow('invalid ownership metadata');
      expect(await helm('install', RELEASE, CHART, '--take-ownership')).toContain('STATUS: deployed');
      await helm('uninstall', RELEASE, '--no-hooks');
    });
  });
});
