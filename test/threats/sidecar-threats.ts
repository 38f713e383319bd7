/**
 * A container that bears the sidecar's name, and is not what the operator renders. Policy sidecar.
 */
import { ACCESS_VOLUME, AUDIT_PATH, AUDIT_VOLUME, CONNECTION_ANNOTATION, SIDECAR_CONTAINER } from '../../kernel/cluster-names.ts';
import { agentConnections } from '../../operator/specs/agent-connections.ts';
import { sidecarContainer } from '../../operator/specs/sidecar.ts';
import { MANAGED_SECRET, SETTINGS, accessSources, agentPod } from './pods.ts';
import { AGENTS, type Threat, core, create, patch } from './threat.ts';

const PODS = core(AGENTS, 'pods');
const policy = 'sidecar';
const asRendered = { what: 'The sidecar as the operator renders it', ...create(PODS, agentPod()) };

const connectionsOf = (annotation: string) => {
  const named = agentConnections(annotation, AGENTS);
  return named.ok ? named.connections : [];
};
const rendered = sidecarContainer(SETTINGS, connectionsOf('data/shop'));
const { securityContext } = rendered;
const exec = { exec: { command: ['cat', '/var/run/pg-airlock/token'] } };

const strange = (field: string): string => `container "pg-airlock" has the field "${field}", which the airlock's sidecar has not`;
const image = 'image "evil:1" is not the airlock\'s: container "pg-airlock" runs pg-airlock/proxy:0.1.0';
const argumentsDiffer = 'container "pg-airlock" has other arguments than the airlock\'s sidecar';
const native = 'container "pg-airlock" is not the native sidecar with port 9632';
const mountsDiffer = 'container "pg-airlock" has other mounts than the airlock\'s sidecar';
const probesDiffer = 'container "pg-airlock" has not the probes of the airlock\'s sidecar';
const resourcesDiffer = 'container "pg-airlock" may have cpu, memory and ephemeral-storage, and no other resources';
const securityDiffers = 'container "pg-airlock" has not the security context of the airlock\'s sidecar';
const accessDiffers = 'volume "pg-airlock-access" is not what the airlock\'s sidecar has';

/** What is changed, what the refusal says, and the fields of the sidecar's container. */
const CONTAINERS: readonly (readonly [attempt: string, says: string, fields: Readonly<Record<string, unknown>>])[] = [
  ["Another image under the sidecar's name", image, { image: 'evil:1' }],
  ['Another command', strange('command'), { command: ['sh', '-c', 'cat /var/run/pg-airlock/token'] }],
  ['Environment: `NODE_OPTIONS`', strange('env'), { env: [{ name: 'NODE_OPTIONS', value: '--inspect=0.0.0.0' }] }],
  ['Environment: `envFrom` a ConfigMap', strange('envFrom'), { envFrom: [{ configMapRef: { name: 'x' } }] }],
  ['A lifecycle hook', strange('lifecycle'), { lifecycle: { postStart: exec } }],
  ['A working directory', strange('workingDir'), { workingDir: '/tmp' }],
  ['Standard input', strange('stdin'), { stdin: true }],
  [
    'Another control plane',
    argumentsDiffer,
    { args: rendered.args.map((a) => (a === SETTINGS.controlUrl ? 'https://evil.example:8444' : a)) },
  ],
  ['One more argument', argumentsDiffer, { args: [...rendered.args, '--inspect'] }],
  ['A listener for everybody', argumentsDiffer, { args: rendered.args.map((a) => a.replace('127.0.0.1:5432', '0.0.0.0:5432')) }],
  ['A listener for another connection', argumentsDiffer, { args: rendered.args.map((a) => a.replace('data/shop', 'data/bank')) }],
  ['Arguments hidden in one by a line break', argumentsDiffer, { args: [rendered.args.join('\n')] }],
  [
    'No native sidecar, but a container that ends',
    native,
    { restartPolicy: undefined, livenessProbe: undefined, readinessProbe: undefined, startupProbe: undefined },
  ],
  ['A port of the node', native, { ports: [{ ...rendered.ports[0], hostPort: 9632 }] }],
  ['A termination message that is read from a file of its own', native, { terminationMessagePath: '/var/run/pg-airlock/token' }],
  ['A device', resourcesDiffer, { resources: { limits: { 'example.com/device': '1' }, requests: { 'example.com/device': '1' } } }],
  ['Something mounted over its files', mountsDiffer, { volumeMounts: [...rendered.volumeMounts, { name: 'own', mountPath: '/app' }] }],
  [
    'Its own audit volume, mounted by `subPath`',
    mountsDiffer,
    { volumeMounts: [rendered.volumeMounts[0], { name: AUDIT_VOLUME, mountPath: AUDIT_PATH, subPath: 'x' }] },
  ],
  [
    "Something mounted as if it were the pod's token",
    mountsDiffer,
    { volumeMounts: [...rendered.volumeMounts, { name: 'own', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] },
  ],
  ['A probe that runs a command in it', probesDiffer, { livenessProbe: exec }],
  ['No start-up probe', probesDiffer, { startupProbe: undefined }],
  ['As root', securityDiffers, { securityContext: { ...securityContext, runAsUser: 0, runAsNonRoot: false } }],
  ['With a capability', securityDiffers, { securityContext: { ...securityContext, capabilities: { drop: ['ALL'], add: ['NET_RAW'] } } }],
  ['With a file system that can be written', securityDiffers, { securityContext: { ...securityContext, readOnlyRootFilesystem: false } }],
  ['Without seccomp', securityDiffers, { securityContext: { ...securityContext, seccompProfile: { type: 'Unconfined' } } }],
  ['Without AppArmor', securityDiffers, { securityContext: { ...securityContext, appArmorProfile: { type: 'Unconfined' } } }],
];

const own = { name: 'own', emptyDir: {} };

/** What the admission plugin ServiceAccount adds to a pod, and to each of its containers. */
const token = { name: 'kube-api-access-x7f2p', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } };
const ownToken = { name: token.name, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true };

/** Sources of the volume with token and credentials. */
const SOURCES: readonly (readonly [attempt: string, sources: readonly object[]])[] = [
  [
    "A certificate authority of one's own, by a ConfigMap",
    [...accessSources(), { configMap: { name: 'evil', items: [{ key: 'ca', path: 'other-ca.crt' }] } }],
  ],
  [
    "Credentials from a Secret of one's own",
    accessSources().map((s) => JSON.parse(JSON.stringify(s).replace(MANAGED_SECRET, 'evil')) as object),
  ],
  ['The Secret of a connection that the annotation does not name', accessSources('data/bank')],
  [
    'A Secret under the name of another file',
    [...accessSources(), { secret: { name: MANAGED_SECRET, items: [{ key: 'password', path: 'connections/data.bank/password' }] } }],
  ],
  ['A Secret whole, not by keys', [...accessSources(), { secret: { name: MANAGED_SECRET } }]],
  ['A token for another audience, or none', accessSources().slice(1)],
];

export const SIDECAR_THREATS: readonly Threat[] = [
  ...CONTAINERS.map(
    ([attempt, says, sidecar]): Threat => ({
      attempt: `A sidecar that is not ours: ${attempt.charAt(0).toLowerCase()}${attempt.slice(1)}`,
      policy,
      says,
      attack: create(PODS, agentPod({ sidecar, volumes: [own] })),
      twin: asRendered,
    }),
  ),
  ...SOURCES.map(
    ([attempt, sources]): Threat => ({
      attempt: `Other files for the sidecar: ${attempt.charAt(0).toLowerCase()}${attempt.slice(1)}`,
      policy,
      says: accessDiffers,
      attack: create(PODS, agentPod({ sources })),
      twin: { what: 'Several connections', ...create(PODS, agentPod({ connection: 'data/shop, crm:6000,data/bank' })) },
    }),
  ),
  {
    attempt: 'Other files for the sidecar: an audit log on a volume that others can mount',
    policy,
    says: 'volume "pg-airlock-audit" is not the airlock\'s emptyDir',
    attack: create(
      PODS,
      agentPod({
        spec: {
          volumes: [
            { name: ACCESS_VOLUME, projected: { sources: accessSources() } },
            { name: AUDIT_VOLUME, persistentVolumeClaim: { claimName: 'x' } },
          ],
        },
      }),
    ),
    twin: { what: 'A connection with a name as long as can be', ...create(PODS, agentPod({ connection: `data/${'a'.repeat(253)}` })) },
  },
  {
    attempt: "Other files for the sidecar: another volume where the pod's own token is mounted into every container",
    policy,
    says: mountsDiffer,
    attack: create(
      PODS,
      agentPod({ sidecar: { volumeMounts: [...rendered.volumeMounts, { ...ownToken, readOnly: false }] }, volumes: [token] }),
    ),
    twin: {
      what: "The pod's own token there, as Kubernetes mounts it",
      ...create(PODS, agentPod({ sidecar: { volumeMounts: [...rendered.volumeMounts, ownToken] }, volumes: [token] })),
    },
  },
  {
    attempt: 'A sidecar in a pod without the label, which no webhook looks at',
    policy,
    says: 'init container "pg-airlock" is the airlock\'s, and the operator puts it into pods with the label',
    attack: create(PODS, agentPod({ labels: {} })),
    twin: asRendered,
  },
  {
    attempt: 'AppArmor turned off by an annotation for the sidecar',
    policy,
    says: securityDiffers,
    attack: create(
      PODS,
      agentPod({
        metadata: {
          annotations: {
            [CONNECTION_ANNOTATION]: 'data/shop',
            [`container.apparmor.security.beta.kubernetes.io/${SIDECAR_CONTAINER}`]: 'unconfined',
          },
        },
      }),
    ),
    twin: {
      what: "The same annotation for the agent's container",
      ...create(
        PODS,
        agentPod({
          metadata: {
            annotations: { [CONNECTION_ANNOTATION]: 'data/shop', 'container.apparmor.security.beta.kubernetes.io/main': 'unconfined' },
          },
        }),
      ),
    },
  },
  {
    attempt: 'Change the image of a sidecar that runs',
    policy,
    says: image,
    attack: patch(`${PODS}/agent`, { spec: { initContainers: [{ name: SIDECAR_CONTAINER, image: 'evil:1' }] } }),
    twin: {
      what: 'Change the image of the agent',
      ...patch(`${PODS}/agent`, { spec: { containers: [{ name: 'main', image: 'agent:2' }] } }),
    },
  },
  {
    attempt: 'The same once the label is taken off',
    policy,
    says: image,
    attack: patch(`${PODS}/unlabelled`, { spec: { initContainers: [{ name: SIDECAR_CONTAINER, image: 'evil:1' }] } }),
    twin: {
      what: 'Take the label off: sessions end',
      ...patch(`${PODS}/agent`, { metadata: { labels: { 'pg-airlock.dev/agent': null } } }),
    },
  },
];
