/**
 * An API server with the chart's admission policies and nothing else of it: no operator and no webhook, for these rules hold without them.
 */
import { setTimeout } from 'node:timers/promises';
import { MANAGED_BY, MANAGED_BY_LABEL, MANAGED_NAMESPACE_LABEL } from '../../kernel/cluster-names.ts';
import type { KubeObject } from '../../operator/kube/kube.ts';
import { renderChart } from '../support/chart.ts';
import type { Answer, KubernetesClient } from '../support/kubernetes-client.ts';
import { type ControlPlane, startControlPlane } from '../support/kubernetes.ts';
import { MANAGED_SECRET, agentPod, main, plainPod } from './pods.ts';
import { AGENTS, type Attempt, DATA, MALLORY, NATHAN, NODE, OLIVIA, OPERATOR, QUIET } from './threat.ts';

export const RULES = ['CustomResourceDefinition', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'];
const RIGHTS = ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'];

const object = (apiVersion: string, kind: string, name: string, fields: object = {}): object => ({
  apiVersion,
  kind,
  metadata: { name },
  ...fields,
});
const rbac = (kind: string, name: string, namespace: string | undefined, fields: object): object => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  ...fields,
});

const grant = (user: string, rules: readonly object[], namespace?: string): readonly object[] => {
  const role = namespace === undefined ? 'ClusterRole' : 'Role';
  return [
    rbac(role, user.replaceAll(':', '-'), namespace, { rules }),
    rbac(`${role}Binding`, user.replaceAll(':', '-'), namespace, {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: role, name: user.replaceAll(':', '-') },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    }),
  ];
};

const rule = (
  apiGroups: readonly string[],
  resources: readonly string[],
  verbs: readonly string[] = ['*'],
  resourceNames?: readonly string[],
) => ({
  apiGroups,
  resources,
  verbs,
  ...(resourceNames === undefined ? {} : { resourceNames }),
});

/** Everything in a namespace but to read Secrets. */
const ORDINARY = [
  rule([''], ['pods', 'bindings', 'services', 'serviceaccounts', 'serviceaccounts/token', 'configmaps', 'events']),
  rule(
    [''],
    ['attach', 'binding', 'ephemeralcontainers', 'eviction', 'exec', 'log', 'portforward', 'proxy', 'resize', 'status'].map(
      (name) => `pods/${name}`,
    ),
  ),
  rule([''], ['secrets'], ['create', 'update', 'patch', 'delete', 'deletecollection']),
  rule(['apps', 'batch', 'networking.k8s.io', 'pg-airlock.dev'], ['*']),
];

const people = (): readonly object[] => [
  ...[AGENTS, QUIET, DATA].flatMap((namespace) => grant(MALLORY, ORDINARY, namespace)),
  ...grant(OLIVIA, [rule(['pg-airlock.dev'], ['*']), rule([''], ['secrets'], ['get'], ['shop-owner'])], DATA),
  // Reads eight Secrets, each by name: what asking the authorizer costs at most.
  ...grant(
    'paula',
    [
      rule(['pg-airlock.dev'], ['*']),
      rule(
        [''],
        ['secrets'],
        ['get'],
        Array.from({ length: 9 }, (_, index) => `key${index}`),
      ),
    ],
    DATA,
  ),
  ...grant(NATHAN, [rule([''], ['namespaces', 'namespaces/status', 'namespaces/finalize'])]),
  ...grant(NODE.name, [rule([''], ['serviceaccounts/token'], ['create'])]),
  ...grant('system:serviceaccount:kube-system:namespace-controller', [rule([''], ['secrets'], ['delete'])]),
];

const inNamespace = (namespace: string, ...objects: readonly object[]): readonly object[] =>
  objects.map((one) => ({ ...one, metadata: { ...(one as { metadata: object }).metadata, namespace } }));

const kind = (name: string, objectName: string, spec: object): object => object('pg-airlock.dev/v1alpha1', name, objectName, { spec });

/** What is there before anybody tries anything, made by the administrator, with the rules in force. */
const furniture = (): readonly object[] => {
  const own = { name: 'own', emptyDir: {} };
  const spec = { containers: [main({ volumeMounts: [{ name: 'own', mountPath: '/own' }] })] };
  const pods = [agentPod({ metadata: { name: 'agent' }, spec, volumes: [own] }), plainPod({}, { name: 'plain' })];
  return [
    ...inNamespace(AGENTS, ...pods, agentPod({ metadata: { name: 'unlabelled' } }), object('v1', 'Secret', 'app-secret')),
    ...inNamespace(QUIET, ...pods),
    ...inNamespace(
      DATA,
      kind('DatabaseConnection', 'shop', { host: 'db.example', database: 'shop', credentials: { secretRef: { name: 'shop-owner' } } }),
      kind('DatabaseAccessPolicy', 'readers', {
        connectionRef: { name: 'shop' },
        subjects: [{ pod: { matchLabels: { app: 'agent' } } }],
        relations: [
          {
            name: 'public.users',
            select: { columns: ['id'], masks: [{ column: 'ssn', mask: { type: 'Hash', hash: { keySecretRef: { name: 'mask-key' } } } }] },
          },
        ],
      }),
    ),
  ];
};

/** One request; what it would write is not kept. */
export const attempt = (
  { request }: Pick<KubernetesClient, 'request'>,
  { method, path, body, contentType, as }: Attempt,
): Promise<Answer> => request(method, path, body, { as: as ?? MALLORY, ...(contentType === undefined ? {} : { contentType }) });

export const messageOf = ({ body }: Answer): string =>
  typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : typeof body === 'string' ? body : '';

/** Whether a refusal is a policy's. */
export const isPolicysRefusal = (answer: Answer): boolean =>
  answer.status >= 400 && messageOf(answer).includes('ValidatingAdmissionPolicy');

/** The answer once it is one of a policy's: policies take effect a second or three after they are applied. */
export const refusal = async (cluster: Pick<KubernetesClient, 'request'>, what: Attempt): Promise<Answer> => {
  for (let attempts = 1; ; attempts++) {
    const answer = await attempt(cluster, what);
    if (isPolicysRefusal(answer) || attempts === 20) return answer;
    await setTimeout(250);
  }
};

/** Starts it, with namespaces, people and pods. */
export const startThreatened = async (): Promise<{ readonly cluster: ControlPlane; readonly chart: readonly KubeObject[] }> => {
  // The plugin ServiceAccount, which other tests do without, mounts tokens into containers, ours too.
  const cluster = await startControlPlane({ apiServerFlags: ['--disable-admission-plugins=DefaultTolerationSeconds'] });
  const chart = await renderChart();
  const label = { [MANAGED_NAMESPACE_LABEL]: 'true' };
  await cluster.apply([
    ...[QUIET, DATA, 'pg-airlock'].map((name) => object('v1', 'Namespace', name)),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: AGENTS, labels: label } },
  ]);
  await cluster.apply([...chart.filter(({ kind: name = '' }) => [...RULES, ...RIGHTS].includes(name)), ...people()]);
  await cluster.apply([
    ...[AGENTS, QUIET, DATA].flatMap((namespace) => inNamespace(namespace, object('v1', 'ServiceAccount', 'default'))),
    ...inNamespace('pg-airlock', object('v1', 'ServiceAccount', 'pg-airlock-operator')),
  ]);
  await cluster.apply(furniture());
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: MANAGED_SECRET, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } } };
  const made = await cluster.request('POST', `/api/v1/namespaces/${AGENTS}/secrets`, secret, { as: OPERATOR });
  if (made.status !== 201) throw new Error(messageOf(made));
  await cluster.kubectl(['label', 'pod', 'unlabelled', '--namespace', AGENTS, 'pg-airlock.dev/agent-']);
  return { cluster, chart };
};
