/**
 * Agents' pods that come too near to their sidecar, or to their node; and what is changed on a pod that runs.
 */
import { AGENT_LABEL, CONNECTION_ANNOTATION } from '../../kernel/cluster-names.ts';
import { SETTINGS, agentPod, main, plainPod } from './pods.ts';
import { AGENTS, QUIET, type Threat, core, create, patch } from './threat.ts';

const PODS = core(AGENTS, 'pods');
const { uid } = SETTINGS.sidecar;
const agent = { what: "An agent's pod", ...create(PODS, agentPod()) };

const shares = "an agent's pod shares no network and no processes with its node";
const leads = "an agent's pod cannot say where names of hosts lead";
const userTaken = `user and group ${uid} are the airlock's sidecar's alone`;

const SPECS: readonly (readonly [
  attempt: string,
  says: string,
  spec: Readonly<Record<string, unknown>>,
  twin: Readonly<Record<string, unknown>>,
])[] = [
  ['Share processes with the sidecar (`shareProcessNamespace`)', shares, { shareProcessNamespace: true }, { shareProcessNamespace: false }],
  ["Share the node's network", shares, { hostNetwork: true, containers: [main()] }, { hostNetwork: false }],
  [
    "Lead the database's name to oneself (`hostAliases`)",
    leads,
    { hostAliases: [{ ip: '10.0.0.9', hostnames: ['db.example'] }] },
    { hostAliases: [] },
  ],
  [
    'The same by `dnsConfig.nameservers`',
    leads,
    { dnsPolicy: 'None', dnsConfig: { nameservers: ['10.0.0.9'] } },
    { dnsConfig: { options: [{ name: 'ndots', value: '2' }] } },
  ],
  ['The same by `dnsConfig.searches`', leads, { dnsConfig: { searches: ['evil.example'] } }, { dnsPolicy: 'ClusterFirst' }],
  ['The same by `hostnameOverride`', leads, { hostnameOverride: 'db.example' }, { hostname: 'agent', subdomain: 'agents' }],
  [
    "Run as the sidecar's user",
    userTaken,
    { containers: [main({ securityContext: { runAsUser: uid } })] },
    { containers: [main({ securityContext: { runAsUser: 1000 } })] },
  ],
  ['The same, said for the whole pod', userTaken, { securityContext: { runAsUser: uid } }, { securityContext: { runAsUser: 1000 } }],
  [
    "Run in the sidecar's group",
    userTaken,
    { securityContext: { supplementalGroups: [uid] } },
    { securityContext: { supplementalGroups: [1000], fsGroup: 1000 } },
  ],
];

const hostPath = { name: 'node', hostPath: { path: '/var/lib/kubelet' } };
const ordinary = { what: 'An ordinary pod there', ...create(PODS, plainPod()) };
const mesh = main({ securityContext: { capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } } });
const privileged = "a privileged container can read credentials of agents' databases from its node";

const NODE_THREATS: readonly Threat[] = [
  {
    attempt: "Read the node's files from a pod beside agents (`hostPath`, as `kubectl debug node` does)",
    policy: 'node-access',
    says: 'volume "node" is a hostPath, and the node\'s files include credentials',
    attack: create(PODS, plainPod({ volumes: [hostPath] })),
    twin: { what: 'A hostPath in a namespace without agents', ...create(core(QUIET, 'pods'), plainPod({ volumes: [hostPath] })) },
  },
  {
    attempt: "The same in the first agent's pod of a namespace",
    policy: 'node-access',
    says: 'volume "node" is a hostPath, and the node\'s files include credentials',
    attack: create(core(QUIET, 'pods'), agentPod({ connection: 'data/shop', volumes: [hostPath] })),
    twin: { what: "The first agent's pod of a namespace", ...create(core(QUIET, 'pods'), agentPod()) },
  },
  {
    attempt: 'Become root on the node: `privileged`',
    policy: 'node-access',
    says: privileged,
    attack: create(PODS, plainPod({ containers: [main({ securityContext: { privileged: true } })] })),
    twin: ordinary,
  },
  {
    attempt: 'The same in an ephemeral container',
    policy: 'node-access',
    says: privileged,
    attack: patch(`${PODS}/plain/ephemeralcontainers`, {
      spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox', securityContext: { privileged: true } }] },
    }),
    twin: {
      what: 'An ordinary ephemeral container',
      ...patch(`${PODS}/plain/ephemeralcontainers`, { spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox' }] } }),
    },
  },
  {
    attempt: 'Become root on the node: a Windows host process',
    policy: 'node-access',
    says: privileged,
    attack: create(
      PODS,
      plainPod({
        os: { name: 'windows' },
        hostNetwork: true,
        securityContext: { windowsOptions: { hostProcess: true, runAsUserName: 'x' } },
      }),
    ),
    twin: ordinary,
  },
  {
    attempt: 'See the processes of the node (`hostPID`)',
    policy: 'node-access',
    says: "a pod that sees its node's processes is too near to agents' sidecars",
    attack: create(PODS, plainPod({ hostPID: true })),
    twin: ordinary,
  },
  ...['SYS_MODULE', 'SYS_ADMIN', 'DAC_READ_SEARCH', 'ALL', 'BPF', 'sys_admin'].map(
    (name): Threat => ({
      attempt: `Take capability \`${name}\``,
      policy: 'node-access',
      says: 'container "main" adds capabilities that reach beyond it',
      attack: create(PODS, plainPod({ containers: [main({ securityContext: { capabilities: { add: ['CHOWN', name] } } })] })),
      twin: { what: "What a service mesh's set-up takes", ...create(PODS, agentPod({ spec: { containers: [mesh] } })) },
    }),
  ),
];

const status = { metadata: { labels: { [AGENT_LABEL]: 'true' } } };
const otherConnection = { metadata: { annotations: { [CONNECTION_ANNOTATION]: 'data/bank' } } };
const noSidecar = "a pod gets the airlock's sidecar when it is created, and this one has none";
const keepsAnnotation = 'annotation pg-airlock.dev/connection says what the sidecar was made with';
const anyLabel = { what: 'Change any other label', ...patch(`${PODS}/agent`, { metadata: { labels: { team: 'blue' } } }) };
const binding = (metadata: object): object => ({
  apiVersion: 'v1',
  kind: 'Binding',
  metadata: { name: 'agent', ...metadata },
  target: { kind: 'Node', name: 'node1' },
});

const UPDATE_THREATS: readonly Threat[] = [
  {
    attempt: 'Call a running pod without the sidecar an agent',
    policy: 'agent-updates',
    says: noSidecar,
    attack: patch(`${PODS}/plain`, status),
    twin: { what: 'Give the label back to one with the sidecar', ...patch(`${PODS}/unlabelled`, status) },
  },
  {
    attempt: 'The same by its status',
    policy: 'agent-updates',
    says: noSidecar,
    attack: patch(`${PODS}/plain/status`, status),
    twin: { what: 'Another label by the status', ...patch(`${PODS}/plain/status`, { metadata: { labels: { team: 'blue' } } }) },
  },
  ...['agent', 'agent/status', 'unlabelled'].map(
    (name): Threat => ({
      attempt: `Name another connection on a running pod (\`${name}\`)`,
      policy: 'agent-updates',
      says: keepsAnnotation,
      attack: patch(`${PODS}/${name}`, otherConnection),
      twin: anyLabel,
    }),
  ),
  ...[`${PODS}/agent/binding`, core(AGENTS, 'bindings')].map(
    (path): Threat => ({
      attempt: `Set the annotation while binding a pod to a node (\`${path.endsWith('bindings') ? 'bindings' : 'pods/binding'}\`)`,
      policy: 'pod-bindings',
      says: 'binding a pod to a node cannot set labels and annotations of pg-airlock.dev',
      attack: create(path, binding(otherConnection.metadata)),
      twin: { what: 'Bind a pod', ...create(path, binding({ annotations: { 'example.com/x': 'y' } })) },
    }),
  ),
];

export const AGENT_THREATS: readonly Threat[] = [
  {
    attempt: "An agent's pod without the sidecar",
    policy: 'agent-pods',
    says: "a pod with the label pg-airlock.dev/agent=true has the airlock's sidecar, and this one has none",
    attack: create(PODS, plainPod({}, { labels: { [AGENT_LABEL]: 'true' } })),
    twin: { what: "A pod that is no agent's", ...create(PODS, plainPod({}, { labels: { [AGENT_LABEL]: 'false' } })) },
  },
  {
    attempt: 'A label that nearly says it',
    policy: 'agent-pods',
    says: 'label pg-airlock.dev/agent is "true" or "false": correct it',
    attack: create(PODS, plainPod({}, { labels: { [AGENT_LABEL]: 'True' } })),
    twin: agent,
  },
  ...SPECS.map(
    ([attempt, says, spec, twin]): Threat => ({
      attempt,
      policy: 'agent-pods',
      says,
      attack: create(PODS, agentPod({ spec })),
      twin: { what: `The pod with \`${JSON.stringify(twin)}\``, ...create(PODS, agentPod({ spec: twin })) },
    }),
  ),
  {
    attempt: "Run an ephemeral container as the sidecar's user",
    policy: 'agent-pods',
    says: userTaken,
    attack: patch(`${PODS}/agent/ephemeralcontainers`, {
      spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox', securityContext: { runAsUser: uid } }] },
    }),
    twin: {
      what: 'Run it as somebody else',
      ...patch(`${PODS}/agent/ephemeralcontainers`, {
        spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox', securityContext: { runAsUser: 1000 } }] },
      }),
    },
  },
  ...NODE_THREATS,
  ...UPDATE_THREATS,
];
