import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { injectPod } from '../../operator/inject/inject-pod.ts';
import { agentConnections } from '../../operator/specs/agent-connections.ts';
import { sidecarContainer, sidecarVolumes } from '../../operator/specs/sidecar.ts';
import { NAMESPACE, SETTINGS, goldenPods } from '../golden/golden-pods.ts';
import { startExtraWebhook, startIdentityWebhook } from './extra-webhook.ts';
import { type WebhookCluster, startWebhookCluster } from './webhook-cluster.ts';

const HOUR = 60 * 60_000;
const GROUP = '/apis/admissionregistration.k8s.io/v1';

type Container = { readonly name: string; readonly env?: readonly { readonly name: string }[]; readonly [field: string]: unknown };
type Pod = {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly initContainers?: readonly Container[];
    readonly containers: readonly Container[];
    readonly volumes: readonly object[];
  };
};
type Template = { readonly metadata: object; readonly spec: object };
/** A Deployment or a CronJob, if it is one. */
type Workload = {
  readonly spec?: { readonly template?: Template; readonly jobTemplate?: { readonly spec: { readonly template: Template } } };
};
type Webhooks = { readonly webhooks: readonly { readonly clientConfig: { readonly caBundle: string } }[] };

let cluster: WebhookCluster;

beforeAll(async () => {
  cluster = await startWebhookCluster();
});
afterAll(() => cluster.stop());

const expectCreated = async (pod: unknown, namespace = NAMESPACE): Promise<Pod> => {
  const { status, body } = await cluster.create(pod, namespace);
  expect([status, (body as { message?: string }).message]).toEqual([201, undefined]);
  return body as Pod;
};

const agent = (name: string, containers: readonly object[] = [{ name: 'agent', image: 'example.com/agent:1' }]) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    labels: { 'pg-airlock.dev/agent': 'true' },
    annotations: { 'pg-airlock.dev/connection': 'data/shop' },
  },
  spec: { containers },
});

const typeOf = (input: unknown) => injectPod(input, NAMESPACE, SETTINGS).type;

describe('the webhook of pods', () => {
  it.each(goldenPods().filter(({ input }) => typeOf(input) === 'Injected'))(
    'makes of $name a pod that the API server takes',
    async ({ input }) => {
      const pod = await expectCreated(input);
      const { connections } = agentConnections(pod.metadata.annotations?.['pg-airlock.dev/connection'], NAMESPACE) as {
        connections: Parameters<typeof sidecarContainer>[1];
      };
      const { resources, ...expected } = sidecarContainer(SETTINGS, connections);
      expect(pod.spec.initContainers?.[0]).toMatchObject({ resources });
      expect({ ...pod.spec.initContainers?.[0], resources: undefined }).toEqual({
        ...expected,
        imagePullPolicy: 'Always',
        resources: undefined,
      });
      expect(pod.spec.volumes).toEqual(expect.arrayContaining(sidecarVolumes(SETTINGS, connections)));
      const others = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).slice(1)];
      expect(others.filter(({ env = [] }) => !env.some((variable) => (variable as { name: string }).name === 'PGHOST'))).toEqual([]);
    },
  );

  it.each(goldenPods().filter(({ input }) => typeOf(input) === 'Refused'))(
    'tells the author of $name all that is wrong',
    async ({ input, refused }) => {
      const { status, body } = await cluster.create(input);
      expect(status).toBe(422);
      const reasons = (await readFile(refused, 'utf8')).trim().split('\n');
      expect(reasons.filter((reason) => !(body as { message: string }).message.includes(reason))).toEqual([]);
    },
  );

  it.each(goldenPods().filter(({ input }) => typeOf(input) === 'NotAnAgent'))('leaves $name alone', async ({ input }) => {
    expect((await expectCreated(input)).spec.initContainers).toBeUndefined();
  });

  it('leaves nothing behind in a dry run', async () => {
    await expectCreated(agent('dry'));
    expect((await cluster.plane.request('GET', `/api/v1/namespaces/${NAMESPACE}/pods/dry`)).status).toBe(404);
  });

  it('does not give the sidecar the token that the API server mounts into every container', async () => {
    const pod = await expectCreated(agent('token'));
    const mounts = (container: Container | undefined) =>
      ((container?.['volumeMounts'] ?? []) as { mountPath: string }[]).map(({ mountPath }) => mountPath);
    expect(mounts(pod.spec.initContainers?.[0])).toEqual(['/var/run/pg-airlock', '/var/lib/pg-airlock']);
    expect(mounts(pod.spec.containers[0])).toEqual(['/var/run/secrets/kubernetes.io/serviceaccount']);
  });

  it('lets a LimitRange set what the sidecar does not say', async () => {
    const pod = await expectCreated(agent('limited'), 'limited');
    expect(pod.spec.initContainers?.[0]?.['resources']).toEqual({
      limits: { cpu: '200m', memory: '256Mi' },
      requests: { cpu: '50m', memory: '96Mi' },
    });
  });

  it('makes pods that the level restricted of Pod Security admits', async () => {
    const securityContext = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    };
    const pod = agent('restricted', [{ name: 'agent', image: 'example.com/agent:1', securityContext }]);
    await expectCreated(pod, 'restricted');
  });

  it('makes of the workloads in the examples pods that this level admits too, with a port for each connection', async () => {
    const file = join(import.meta.dirname, '../../examples/existing-database/agents.yaml');
    const documents = parseAllDocuments(await readFile(file, 'utf8')).map((document) => document.toJS() as Workload);
    const specs = documents.flatMap(({ spec }) => spec?.template ?? spec?.jobTemplate?.spec.template ?? []);
    const pods = specs.map((template, index) => ({
      ...agent(''),
      ...template,
      metadata: { ...template.metadata, name: `example-${index}` },
    }));
    const listened = await Promise.all(
      pods.map(async (pod) => {
        const { spec } = await expectCreated(pod, 'restricted');
        return ((spec.initContainers?.[0]?.['args'] ?? []) as readonly string[]).filter((argument) => argument.startsWith('127.0.0.1:'));
      }),
    );
    expect(listened).toEqual([['127.0.0.1:5432=databases/shop', '127.0.0.1:5433=databases/billing'], ['127.0.0.1:5432=databases/shop']]);
  });

  it('is asked again about what other webhooks add, and is first again', async () => {
    const [own] = cluster.served();
    if (own === undefined) throw new Error('no certificate');
    const extra = await startExtraWebhook(own);
    const webhook = {
      name: 'pods.mesh.example.com',
      admissionReviewVersions: ['v1'],
      clientConfig: { url: extra.url, caBundle: Buffer.from(own.ca).toString('base64') },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      objectSelector: { matchLabels: { mesh: 'yes' } },
      sideEffects: 'None',
    };
    await cluster.plane.apply([
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingWebhookConfiguration',
        metadata: { name: 'zz-mesh' },
        webhooks: [webhook],
      },
    ]);
    const meshed = {
      ...agent('meshed'),
      metadata: { ...agent('meshed').metadata, labels: { 'pg-airlock.dev/agent': 'true', mesh: 'yes' } },
    };
    try {
      await expect
        .poll(async () => {
          const pod = await expectCreated(meshed);
          return [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name, env }) => [name, (env ?? []).length]);
        })
        .toEqual([
          ['pg-airlock', 0],
          ['mesh-init', 3],
          ['agent', 3],
          ['mesh', 3],
        ]);
    } finally {
      await cluster.plane.request('DELETE', `${GROUP}/mutatingwebhookconfigurations/zz-mesh`);
      await extra.stop();
    }
  });

  it('has a webhook that is asked again after it leave the sidecar alone', async () => {
    const [own] = cluster.served();
    if (own === undefined) throw new Error('no certificate');
    const extra = await startIdentityWebhook(own);
    const webhook = {
      name: 'pods.identity.example.com',
      admissionReviewVersions: ['v1'],
      clientConfig: { url: extra.url, caBundle: Buffer.from(own.ca).toString('base64') },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      objectSelector: { matchLabels: { identity: 'yes' } },
      reinvocationPolicy: 'IfNeeded',
      sideEffects: 'None',
    };
    await cluster.plane.apply([
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingWebhookConfiguration',
        metadata: { name: 'pod-identity-webhook' },
        webhooks: [webhook],
      },
    ]);
    const { spec, metadata, ...kind } = agent('identified');
    const labels = { ...metadata.labels, identity: 'yes' };
    const identified = {
      ...kind,
      metadata: { ...metadata, labels },
      spec: { ...spec, initContainers: [{ name: 'own', image: 'example.com/own:1' }] },
    };
    try {
      await expect
        .poll(async () => (await expectCreated(identified)).spec.initContainers?.map(({ name, env }) => [name, env?.at(-1)?.name]))
        .toEqual([
          ['pg-airlock', undefined],
          ['own', 'AWS_ROLE_ARN'],
        ]);
    } finally {
      await cluster.plane.request('DELETE', `${GROUP}/mutatingwebhookconfigurations/pod-identity-webhook`);
      await extra.stop();
    }
  });

  it('injects nothing, and refuses agents, while it is down', async () => {
    await cluster.stopAdmission();
    try {
      const { status, body } = await cluster.create(agent('alone'));
      expect(status).toBe(500);
      expect((body as { message: string }).message).toContain('failed calling webhook "pods.pg-airlock.dev"');
      const ordinary = { ...agent('ordinary'), metadata: { name: 'ordinary' } };
      expect((await cluster.create(ordinary)).status).toBe(201);
    } finally {
      await cluster.startAdmission();
    }
    await expectCreated(agent('again'));
  });
});

describe('the webhook of manifests', () => {
  const policy = (relation: string) => ({
    apiVersion: 'pg-airlock.dev/v1alpha1',
    kind: 'DatabaseAccessPolicy',
    metadata: { name: 'shop', namespace: NAMESPACE },
    spec: {
      connectionRef: { name: 'shop', namespace: 'data' },
      subjects: [{ pod: { matchLabels: { app: 'agent' } } }],
      relations: [{ name: relation, select: { columns: ['id', 'ID'] } }],
    },
  });

  it('tells kubectl apply of what only the parser knows', async () => {
    const { code, stderr } = await cluster.plane.kubectl(['apply', '-f', '-'], { stdin: JSON.stringify(policy('public.customers')) });
    expect(code).toBe(1);
    expect(stderr).toContain('admission webhook "manifests.pg-airlock.dev" denied the request');
    expect(stderr).toContain('spec.relations[0].select.columns[1]: column "id" stands twice in the list. Remove one of them.');
  });

  it('allows what waits for other objects', async () => {
    const { relations, ...spec } = policy('public.customers').spec;
    expect(relations).toHaveLength(1);
    const { code, stderr } = await cluster.plane.kubectl(['apply', '-f', '-'], { stdin: JSON.stringify({ ...policy(''), spec }) });
    expect([code, stderr]).toEqual([0, '']);
  });
});

describe('certificates', () => {
  const bundles = async (): Promise<readonly string[]> => {
    const read = ['mutating', 'validating'].map((kind) => cluster.plane.request('GET', `${GROUP}/${kind}webhookconfigurations/pg-airlock`));
    const found = (await Promise.all(read)).flatMap(({ body }) => (body as Webhooks).webhooks);
    return found.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle, 'base64').toString());
  };
  const authorities = (bundle: string): number => bundle.split('BEGIN CERTIFICATE').length - 1;

  it('gives all replicas the same, and the API server its authority', async () => {
    const [first, second] = cluster.served();
    expect(second).toEqual(first);
    expect(await bundles()).toEqual([first?.ca, first?.ca]);
  });

  it('rotates authority and certificate under load without a failed call', { timeout: 120_000 }, async () => {
    const before = cluster.served()[0];
    const mute = await cluster.startMuteReplica();
    expect(mute.current()).toEqual(before);
    let running = true;
    let calls = 0;
    const failures: unknown[] = [];
    const load = Array.from({ length: 4 }, async () => {
      while (running) {
        const { status, body } = await cluster.create(agent('load'));
        calls += 1;
        if (status !== 201) failures.push(body);
      }
    });
    const agreed = async (condition: () => boolean): Promise<void> => {
      await expect.poll(condition, { timeout: 20_000 }).toBe(true);
      await expect
        .poll(async () => (await bundles()).every((bundle) => bundle === cluster.served()[0]?.ca), { timeout: 20_000 })
        .toBe(true);
      await pause(300);
    };

    cluster.setClock(Date.now() - 24.5 * HOUR);
    await agreed(() => cluster.served().every(({ ca }) => authorities(ca) === 2));
    expect(cluster.served().map(({ cert }) => cert)).toEqual([before?.cert, before?.cert]);
    cluster.setClock(Date.now());
    await agreed(() => cluster.served().every(({ cert }) => cert !== before?.cert));
    // A replica that cannot see to it that its authority is known goes on with what is known, as long as it is.
    expect(mute.current().cert).toBe(before?.cert);
    cluster.setClock(Date.now() + 25 * HOUR);
    await agreed(() => cluster.served().every(({ ca }) => authorities(ca) === 1));
    await expect.poll(() => mute.current()).toEqual(cluster.served()[0]);
    mute.stop();
    running = false;
    await Promise.all(load);

    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThan(20);
    const [first, second] = cluster.served();
    expect(second).toEqual(first);
    expect(first?.ca).not.toBe(before?.ca);
    expect(await bundles()).toEqual([first?.ca, first?.ca]);
  });

  it('puts the authority back where an upgrade or a person took it away', async () => {
    const patch = [{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }];
    const contentType = 'application/json-patch+json';
    await cluster.plane.request('PATCH', `${GROUP}/mutatingwebhookconfigurations/pg-airlock`, patch, { contentType });
    await expect.poll(bundles).toEqual(cluster.served().map(({ ca }) => ca));
  });

  it('begins anew where the Secret was deleted, and the API server follows', async () => {
    const before = cluster.served()[0];
    await cluster.plane.request('DELETE', '/api/v1/namespaces/pg-airlock/secrets/pg-airlock-certificates');
    cluster.setClock(Date.now());
    await expect.poll(() => cluster.served().every(({ cert, ca }) => cert !== before?.cert && ca === cluster.served()[0]?.ca)).toBe(true);
    await expect.poll(bundles).toEqual(cluster.served().map(({ ca }) => ca));
    await expect.poll(async () => (await cluster.create(agent('anew'))).status).toBe(201);
  });
});
