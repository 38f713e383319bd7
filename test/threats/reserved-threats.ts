/**
 * Taking what is the sidecar's: its Secret, its token, its volumes, its name. Policy reserved-names.
 */
import { ACCESS_VOLUME, AUDIT_VOLUME, RESERVED_PREFIX, SIDECAR_CONTAINER } from '../../kernel/cluster-names.ts';
import { MANAGED_SECRET, accessSources, agentPod, main, plainPod, secretVolume, tokenVolume } from './pods.ts';
import { AGENTS, QUIET, type Threat, core, create, patch } from './threat.ts';

const PODS = core(AGENTS, 'pods');
const policy = 'reserved-names';
const own = { name: 'own', secret: { secretName: 'app-secret' } };
const takes = (name: string): string => `volume "${name}" takes from a Secret whose name begins with "pg-airlock-"`;
const environment = 'env, envFrom and imagePullSecrets cannot name a Secret whose name begins with "pg-airlock-"';
const mounts = 'container "main" uses a volume of the airlock\'s sidecar';
const named = 'a container named "pg-airlock" is the airlock\'s, and only as an init container';

const secretRef = { name: MANAGED_SECRET };
const ordinaryVolume = { what: 'A volume of another Secret', ...create(PODS, plainPod({ volumes: [own] })) };

/** Each kind of volume that can name a Secret, and how. */
const SECRET_VOLUMES: Readonly<Record<string, object>> = {
  projected: { projected: { sources: [{ configMap: { name: 'x' } }, { secret: secretRef }] } },
  csi: { csi: { driver: 'x.example', nodePublishSecretRef: secretRef } },
  'csi, by an attribute': { csi: { driver: 'x.example', volumeAttributes: { secretName: MANAGED_SECRET } } },
  flexVolume: { flexVolume: { driver: 'example/x', secretRef } },
  'flexVolume, by an option': { flexVolume: { driver: 'example/x', options: { secret: MANAGED_SECRET } } },
  azureFile: { azureFile: { secretName: MANAGED_SECRET, shareName: 'x' } },
  cephfs: { cephfs: { monitors: ['x:1'], secretRef } },
  cinder: { cinder: { volumeID: 'x', secretRef } },
  rbd: { rbd: { monitors: ['x:1'], image: 'x', secretRef } },
  scaleIO: { scaleIO: { gateway: 'x', system: 'x', volumeName: 'x', secretRef } },
  storageos: { storageos: { volumeName: 'x', secretRef } },
  iscsi: { iscsi: { targetPortal: 'x:1', iqn: 'iqn.2001-04.com.example:x', lun: 0, secretRef } },
};

const volumeThreats = Object.entries(SECRET_VOLUMES).map(
  ([kind, source]): Threat => ({
    attempt: `Take a managed Secret by another kind of volume: ${kind}`,
    policy,
    says: takes('x'),
    attack: create(PODS, plainPod({ volumes: [{ name: 'x', ...source }] })),
    twin: {
      what: 'The same with another Secret',
      ...create(
        PODS,
        plainPod({ volumes: [{ name: 'x', ...(JSON.parse(JSON.stringify(source).replaceAll(MANAGED_SECRET, 'other')) as object) }] }),
      ),
    },
  }),
);

const secretEnv = (name: string): object => ({ name: 'PASSWORD', valueFrom: { secretKeyRef: { name, key: 'password' } } });

const environmentThreats = (['containers', 'initContainers'] as const).map(
  (field): Threat => ({
    attempt: `Take a managed Secret into the environment (\`env\`, ${field})`,
    policy,
    says: environment,
    attack: create(
      PODS,
      plainPod({ [field]: [{ ...main({ env: [secretEnv(MANAGED_SECRET)] }), name: 'x' }], ...(field === 'initContainers' ? {} : {}) }),
    ),
    twin: {
      what: 'Variables from another Secret',
      ...create(PODS, plainPod({ [field]: [{ ...main({ env: [secretEnv('app-secret')] }), name: 'x' }] })),
    },
  }),
);

const fileKey = (volumeName: string): object =>
  main({ env: [{ name: 'X', valueFrom: { fileKeyRef: { volumeName, path: 'audit/x', key: 'X' } } }] });

export const RESERVED_THREATS: readonly Threat[] = [
  {
    attempt: 'Mount a managed Secret in an own container',
    policy,
    says: takes('stolen'),
    attack: create(
      PODS,
      plainPod({ volumes: [secretVolume()], containers: [main({ volumeMounts: [{ name: 'stolen', mountPath: '/x' }] })] }),
    ),
    twin: ordinaryVolume,
  },
  {
    attempt: 'The same in a namespace without agents, before the Secret is there (`optional`)',
    policy,
    says: takes('stolen'),
    attack: create(
      core(QUIET, 'pods'),
      plainPod({ volumes: [{ name: 'stolen', secret: { secretName: MANAGED_SECRET, optional: true } }] }),
    ),
    twin: { what: 'An optional volume of another Secret', ...create(core(QUIET, 'pods'), plainPod({ volumes: [own] })) },
  },
  {
    attempt: "The same beside the sidecar, in an agent's pod",
    policy,
    says: takes('stolen'),
    attack: create(PODS, agentPod({ volumes: [secretVolume()] })),
    twin: { what: "An agent's pod with a Secret of its own", ...create(PODS, agentPod({ volumes: [own] })) },
  },
  ...volumeThreats,
  ...environmentThreats,
  {
    attempt: 'Take a managed Secret into the environment (`envFrom`)',
    policy,
    says: environment,
    attack: create(PODS, plainPod({ containers: [main({ envFrom: [{ secretRef }] })] })),
    twin: {
      what: 'envFrom of another Secret',
      ...create(PODS, plainPod({ containers: [main({ envFrom: [{ secretRef: { name: 'app-secret' } }] })] })),
    },
  },
  {
    attempt: 'Name a managed Secret as a pull secret',
    policy,
    says: environment,
    attack: create(PODS, plainPod({ imagePullSecrets: [secretRef] })),
    twin: { what: 'Another pull secret', ...create(PODS, plainPod({ imagePullSecrets: [{ name: 'registry' }] })) },
  },
  {
    attempt: "Have an own volume with a token that the operator takes for the sidecar's",
    policy,
    says: 'only the airlock\'s sidecar has a token for audience "pg-airlock.dev"',
    attack: create(PODS, plainPod({ volumes: [tokenVolume()] })),
    twin: { what: 'A token for another audience', ...create(PODS, plainPod({ volumes: [tokenVolume('vault')] })) },
  },
  {
    attempt: "Give the sidecar's volumes to a pod without the sidecar",
    policy,
    says: takes(ACCESS_VOLUME),
    attack: create(PODS, plainPod({ volumes: [{ name: ACCESS_VOLUME, projected: { sources: accessSources() } }] })),
    twin: ordinaryVolume,
  },
  {
    attempt: 'Take a reserved name for an own volume',
    policy,
    says: 'names of volumes that begin with "pg-airlock-" are the airlock\'s',
    attack: create(PODS, agentPod({ volumes: [{ name: `${RESERVED_PREFIX}own`, emptyDir: {} }] })),
    twin: { what: 'A volume named otherwise', ...create(PODS, agentPod({ volumes: [{ name: 'pg-own', emptyDir: {} }] })) },
  },
  ...[ACCESS_VOLUME, AUDIT_VOLUME].map(
    (name): Threat => ({
      attempt: `Mount the sidecar's volume \`${name}\` in the agent's container`,
      policy,
      says: mounts,
      attack: create(
        PODS,
        agentPod({ spec: { containers: [main({ volumeMounts: [{ name, mountPath: '/x', subPath: 'connections' }] })] } }),
      ),
      twin: {
        what: 'An agent that mounts a volume of its own',
        ...create(PODS, agentPod({ volumes: [own], spec: { containers: [main({ volumeMounts: [{ name: 'own', mountPath: '/x' }] })] } })),
      },
    }),
  ),
  {
    attempt: 'Read files of the audit log into the environment (`fileKeyRef`)',
    policy,
    says: mounts,
    attack: create(PODS, agentPod({ spec: { containers: [fileKey(AUDIT_VOLUME)] } })),
    twin: {
      what: 'fileKeyRef of an own emptyDir',
      ...create(PODS, agentPod({ volumes: [{ name: 'own', emptyDir: {} }], spec: { containers: [fileKey('own')] } })),
    },
  },
  {
    attempt: 'Name an ordinary container as the sidecar is named',
    policy,
    says: named,
    attack: create(PODS, plainPod({ containers: [{ ...main(), name: SIDECAR_CONTAINER }] })),
    twin: { what: 'A container named nearly so', ...create(PODS, plainPod({ containers: [{ ...main(), name: 'pg-airlock-demo' }] })) },
  },
  {
    attempt: 'Debug the sidecar by an ephemeral container with its processes (`kubectl debug --target`)',
    policy,
    says: "the airlock's sidecar cannot be debugged from within its pod",
    attack: patch(`${PODS}/agent/ephemeralcontainers`, {
      spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox', targetContainerName: SIDECAR_CONTAINER }] },
    }),
    twin: {
      what: "An ephemeral container beside the agent's",
      ...patch(`${PODS}/agent/ephemeralcontainers`, {
        spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox', targetContainerName: 'main' }] },
      }),
    },
  },
  {
    attempt: "Mount the sidecar's volume in an ephemeral container",
    policy,
    says: 'container "debug" uses a volume of the airlock\'s sidecar',
    attack: patch(`${PODS}/agent/ephemeralcontainers`, {
      spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox', volumeMounts: [{ name: ACCESS_VOLUME, mountPath: '/x' }] }] },
    }),
    twin: {
      what: "An ephemeral container that mounts what is the agent's",
      ...patch(`${PODS}/agent/ephemeralcontainers`, {
        spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox', volumeMounts: [{ name: 'own', mountPath: '/x' }] }] },
      }),
    },
  },
  {
    attempt: 'Take a managed Secret into the environment of an ephemeral container',
    policy,
    says: environment,
    attack: patch(`${PODS}/plain/ephemeralcontainers`, {
      spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox', env: [secretEnv(MANAGED_SECRET)] }] },
    }),
    twin: {
      what: 'An ephemeral container with another Secret',
      ...patch(`${PODS}/plain/ephemeralcontainers`, {
        spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox', env: [secretEnv('app-secret')] }] },
      }),
    },
  },
];
