/**
 * A control plane with the chart's webhooks, and the operator's admission and certificates in this process behind them.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Admission, startAdmission } from '../../operator/admission/start-admission.ts';
import type { Certificates, ServedCertificate } from '../../operator/certificates/certificates.ts';
import { startCertificates } from '../../operator/certificates/start-certificates.ts';
import type { KubeClient } from '../../operator/kube/client.ts';
import { connectKube } from '../../operator/kube/connect.ts';
import { NAMESPACE, SETTINGS } from '../golden/golden-pods.ts';
import { type Answer } from '../support/kubernetes-client.ts';
import { freePorts } from '../support/kubernetes-processes.ts';
import { type ControlPlane, startControlPlane } from '../support/kubernetes.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const OPERATOR = 'system:serviceaccount:pg-airlock:pg-airlock-operator';
const AUTHOR = { name: 'alice', groups: ['authors'] };

const HOUR = 60 * 60_000;
const DAY = 24 * HOUR;

export type WebhookCluster = {
  readonly plane: ControlPlane;
  /** Of the certificates; real time, shifted. */
  readonly setClock: (time: number) => void;
  /** What two replicas of the operator serve; the first is the one that is asked. */
  readonly served: () => readonly ServedCertificate[];
  /** What the API server says to a pod, of somebody who may create pods and nothing else; a dry run. */
  readonly create: (pod: unknown, namespace?: string) => Promise<Answer>;
  /** A third replica, which has no right to tell the API server of its authority. */
  readonly startMuteReplica: () => Promise<Certificates>;
  readonly stopAdmission: () => Promise<void>;
  readonly startAdmission: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

const namespace = (name: string, labels: Readonly<Record<string, string>> = {}) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});

const serviceAccount = (name: string, inNamespace: string) => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace: inNamespace },
});

const NAMESPACES = ['pg-airlock', NAMESPACE, 'limited', 'restricted'];

const OBJECTS: readonly object[] = [
  ...NAMESPACES.map((name) => namespace(name, name === 'restricted' ? { 'pod-security.kubernetes.io/enforce': 'restricted' } : {})),
  ...NAMESPACES.map((name) => serviceAccount('default', name)),
  serviceAccount('agent', NAMESPACE),
  {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'limits', namespace: 'limited' },
    spec: { limits: [{ type: 'Container', default: { cpu: '200m' }, defaultRequest: { cpu: '20m' }, max: { cpu: '1' } }] },
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'author' },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['create'] }],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'authors' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'author' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'authors' }],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'mute', namespace: 'pg-airlock' },
    rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'mute', namespace: 'pg-airlock' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'mute' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'mute' }],
  },
];

/** The chart's own objects: what it says of rules, selectors and rights is tried too. */
const chart = async (plane: ControlPlane, port: number): Promise<string> => {
  const only = ['webhooks', 'rbac-operator'].flatMap((name) => ['--show-only', `templates/${name}.yaml`]);
  const values = [`webhook.url=https://127.0.0.1:${port}`, 'control.url=https://127.0.0.1:1', 'webhook.timeoutSeconds=10'];
  const { code, stdout, stderr } = await plane.helm([
    'template',
    'pg-airlock',
    join(ROOT, 'charts/pg-airlock'),
    '--namespace=pg-airlock',
    ...only,
    ...values.flatMap((value) => ['--set', value]),
  ]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
};

/** Starts it. The certificates' authority is nearly due: 26 hours ago by its clock, it has an hour to go. */
export const startWebhookCluster = async (): Promise<WebhookCluster> => {
  const plane = await startControlPlane({
    // As in a real cluster: ServiceAccount mounts a token, LimitRanger sets limits, AlwaysPullImages changes containers after us.
    apiServerFlags: ['--disable-admission-plugins=EventRateLimit', '--enable-admission-plugins=AlwaysPullImages'],
  });
  const log = pino({ level: 'silent' });
  const [port = 0] = await freePorts(1);
  for (const kind of ['databaseaccesspolicies', 'databaseconnections']) {
    await plane.apply(await readFile(join(ROOT, 'crds', `${kind}.yaml`), 'utf8'));
  }
  await plane.apply(OBJECTS);
  await plane.apply(await chart(plane, port));

  let now = 0;
  const clients: KubeClient[] = [];
  const startReplica = async (as = OPERATOR): Promise<Certificates> => {
    const kubeconfig = await plane.kubeconfigFor({ name: as });
    const kube = await connectKube({ kubeconfig, serviceHost: undefined, servicePort: undefined });
    clients.push(kube);
    return await startCertificates({
      kube,
      clock: { now: () => new Date(now) },
      log,
      config: {
        namespace: 'pg-airlock',
        certificates: { source: 'SelfManaged', secret: 'pg-airlock-certificates', dnsNames: ['127.0.0.1'] },
        admission: { listen: { host: '', port: 0 }, mutatingConfiguration: 'pg-airlock', validatingConfiguration: 'pg-airlock' },
      },
      everyMs: 50,
    });
  };
  now = Date.now() - 26 * HOUR - ((365 * DAY * 2) / 3 - HOUR);
  (await startReplica()).stop();
  now = Date.now() - 26 * HOUR;
  const replicas = await Promise.all([startReplica(), startReplica()]);
  const [first] = replicas;
  const begin = (): Promise<Admission> =>
    startAdmission({
      listen: { host: '127.0.0.1', port },
      certificates: first,
      settings: SETTINGS,
      connections: { allowUnverifiedServers: false },
      log,
    });
  let admission = await begin();

  return {
    plane,
    setClock: (time) => {
      now = time;
    },
    served: () => replicas.map((replica) => replica.current()),
    create: (pod, where = NAMESPACE) => plane.request('POST', `/api/v1/namespaces/${where}/pods?dryRun=All`, pod, { as: AUTHOR }),
    startMuteReplica: () => startReplica('mute'),
    stopAdmission: () => admission.stop(),
    startAdmission: async () => {
      admission = await begin();
    },
    stop: async () => {
      for (const replica of replicas) replica.stop();
      await admission.stop();
      for (const client of clients) client.close();
      await plane.stop();
    },
  };
};
