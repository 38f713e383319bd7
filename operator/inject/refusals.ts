/**
 * Why a pod cannot be an agent's: one check each, all of them asked, so that an author gets the whole list at once.
 */
import { SIDECAR_CONTAINER, SIDECAR_METRICS_PORT } from '../../kernel/cluster-names.ts';
import type { AgentConnection } from '../specs/agent-connections.ts';
import { METRICS_PORT_NAME } from '../specs/sidecar.ts';
import { type Json, type PlacedContainer, containerText, containersOf, listOf, objectOf, textOf } from './pod.ts';
import { isReservedContainer } from './reserved.ts';

/** What is looked at. The containers are those of others: none of the sidecar's name. */
export type Candidate = {
  readonly annotations: Json;
  readonly spec: Json;
  readonly containers: readonly PlacedContainer[];
  readonly connections: readonly AgentConnection[];
  /** Its group too. */
  readonly sidecarUid: number;
};

type Check = (candidate: Candidate) => readonly string[];

/** The candidate that a pod is. */
export const candidateOf = (
  annotations: Json,
  spec: Json,
  { connections, sidecarUid }: Pick<Candidate, 'connections' | 'sidecarUid'>,
): Candidate => ({
  annotations,
  spec,
  containers: containersOf(spec).filter(({ container }) => !isReservedContainer(container)),
  connections,
  sidecarUid,
});

/** By each of these the agent's containers would reach the sidecar's process, or steer where it connects. */
const SHARED: Readonly<Record<string, string>> = {
  hostNetwork: 'the sidecar would listen on the node itself, for everybody there',
  hostPID: 'the sidecar could be reached by way of its process',
  hostIPC: 'the sidecar could be reached by way of shared memory',
  shareProcessNamespace: 'the agent could reach the process of the sidecar',
};

const sharedNamespaces: Check = ({ spec }) =>
  Object.entries(SHARED).flatMap(([field, why]) => (spec[field] === true ? [`spec.${field} is true, and ${why}: take it out`] : []));

const nameResolution: Check = ({ spec }) => {
  const steered = 'the agent could lead the sidecar to another database';
  const policy = textOf(spec['dnsPolicy']);
  return [
    ...(listOf(spec['hostAliases']).length > 0 ? [`spec.hostAliases is set, and with it ${steered}: use a Service or DNS instead`] : []),
    // Its options, such as ndots, lead nowhere.
    ...['nameservers', 'searches']
      .filter((field) => listOf(objectOf(spec['dnsConfig'])[field]).length > 0)
      .map((field) => `spec.dnsConfig.${field} is set, and with it ${steered}: take it out`),
    // The kubelet writes it into the pod's /etc/hosts, dots included.
    ...((textOf(spec['hostnameOverride']) ?? '') === '' ? [] : [`spec.hostnameOverride is set, and with it ${steered}: use spec.hostname`]),
    ...(policy === undefined || policy === '' || policy.startsWith('ClusterFirst')
      ? []
      : [`spec.dnsPolicy is ${policy}, and the sidecar could not resolve the names of the cluster: use ClusterFirst`]),
  ];
};

const operatingSystem: Check = ({ spec }) => {
  const named = [objectOf(spec['os'])['name'], objectOf(spec['nodeSelector'])['kubernetes.io/os']];
  return named.includes('windows') ? ['it runs on Windows, and the sidecar is for Linux only'] : [];
};

const staticPod: Check = ({ annotations }) =>
  Object.hasOwn(annotations, 'kubernetes.io/config.mirror')
    ? ['it is a static pod of a node, into which nothing can be injected: create it through the API (a Deployment, a DaemonSet)']
    : [];

const ephemeral: Check = ({ spec }) =>
  listOf(spec['ephemeralContainers']).length > 0
    ? ['spec.ephemeralContainers is set: they are added to running pods only (kubectl debug)']
    : [];

const nothingElse: Check = ({ containers }) =>
  containers.some(({ field }) => field === 'containers')
    ? []
    : [`it has no container but the sidecar: the name "${SIDECAR_CONTAINER}" is reserved, give the agent's container another`];

/** The UID that a container runs as, where the pod says so; what only its image says cannot be known here. */
const uidOf = (spec: Json, container: Json): unknown =>
  objectOf(container['securityContext'])['runAsUser'] ?? objectOf(spec['securityContext'])['runAsUser'];

const sameUser: Check = ({ spec, containers, sidecarUid }) =>
  containers
    .filter(({ container }) => uidOf(spec, container) === sidecarUid)
    .map((placed) => `${containerText(placed)} runs as user ${sidecarUid}, which is the sidecar's: set another securityContext.runAsUser`);

const sameGroup: Check = ({ spec, containers, sidecarUid }) => {
  const pod = objectOf(spec['securityContext']);
  const places: readonly (readonly [string, unknown])[] = [
    ['spec.securityContext.runAsGroup', pod['runAsGroup']],
    ['spec.securityContext.fsGroup', pod['fsGroup']],
    ...listOf(pod['supplementalGroups']).map((group) => ['spec.securityContext.supplementalGroups', group] as const),
    ...containers.map(
      (placed) =>
        [`securityContext.runAsGroup of ${containerText(placed)}`, objectOf(placed.container['securityContext'])['runAsGroup']] as const,
    ),
  ];
  return places.filter(([, group]) => group === sidecarUid).map(([place]) => `${place} is ${sidecarUid}, the sidecar's group: set another`);
};

const ports: Check = ({ containers, connections }) => {
  const owners = new Map<unknown, string>([
    ...connections.map(({ namespace, name, port }) => [port, `connection ${namespace}/${name}`] as const),
    [SIDECAR_METRICS_PORT, "the sidecar's metrics"],
  ]);
  return containers.flatMap((placed) =>
    listOf(placed.container['ports'])
      .map(objectOf)
      .flatMap(({ containerPort, name, protocol }) => {
        const owner = (protocol ?? 'TCP') === 'TCP' ? owners.get(containerPort) : undefined;
        const remedy =
          containerPort === SIDECAR_METRICS_PORT
            ? 'let the container use another'
            : 'let the container use another, or give the connection one, as "shop:5433" in its annotation';
        return [
          ...(owner === undefined
            ? []
            : [`${containerText(placed)} declares port ${String(containerPort)}, where the sidecar listens for ${owner}: ${remedy}`]),
          ...(name === METRICS_PORT_NAME
            ? [`${containerText(placed)} declares a port named "${METRICS_PORT_NAME}", which is the sidecar's: give it another name`]
            : []),
        ];
      }),
  );
};

const CHECKS: readonly Check[] = [
  sharedNamespaces,
  nameResolution,
  operatingSystem,
  staticPod,
  ephemeral,
  nothingElse,
  sameUser,
  sameGroup,
  ports,
];

/** All reasons against injection; none if there are none. */
export const refusals = (candidate: Candidate): readonly string[] => CHECKS.flatMap((check) => check(candidate));
