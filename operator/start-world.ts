/**
 * Starts the informers that the operator's picture of the cluster is made of.
 */
import type { Logger } from 'pino';
import { AGENT_LABEL, API_VERSION, GROUP } from '../kernel/cluster-names.ts';
import type { KubeClient } from './kube/client.ts';
import { type InformerHealth, type InformerObserver, type ObservedInformer, startInformer } from './kube/informer.ts';
import type { KubeObject, ObjectMeta } from './kube/kube.ts';
import type { ConnectionObject, PodObject, PolicyObject, World } from './world.ts';

export type StartedWorld = {
  readonly world: World;
  /** By the informer's name. */
  readonly health: () => ReadonlyMap<string, InformerHealth>;
  readonly stop: () => void;
};

export type StartWorldOptions = {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly observer: InformerObserver;
};

const OURS = `${GROUP}/`;

/** Annotations of others can be large: `kubectl apply` keeps a whole copy in one. */
const ourAnnotations = ({ annotations = {} }: ObjectMeta): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(annotations).filter(([name]) => name.startsWith(OURS)));

const slimMeta = (meta: ObjectMeta): ObjectMeta => {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, labels } = meta;
  const given = { namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, labels };
  return {
    name,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    annotations: ourAnnotations(meta),
  };
};

type FullPod = KubeObject & Pick<PodObject, 'spec' | 'status'>;

/** Of a pod's 10 KB, 1 KB. */
const slimPod = (object: KubeObject): PodObject => {
  const { metadata, spec, status } = object as FullPod;
  return {
    metadata: slimMeta(metadata),
    spec: {
      ...(spec.serviceAccountName === undefined ? {} : { serviceAccountName: spec.serviceAccountName }),
      ...(spec.nodeName === undefined ? {} : { nodeName: spec.nodeName }),
    },
    status: {
      ...(status?.phase === undefined ? {} : { phase: status.phase }),
      ...(status?.podIP === undefined ? {} : { podIP: status.podIP }),
    },
  };
};

const slimNamespace = ({ metadata }: KubeObject): KubeObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: slimMeta(metadata) });

/** Lists leave out what each item is: it is put in again. */
const ours =
  <T extends ConnectionObject | PolicyObject>(kind: string) =>
  (object: KubeObject): T => {
    const { spec, status } = object as T;
    if (typeof spec !== 'object' || spec === null) throw new Error('it has no spec');
    return {
      apiVersion: API_VERSION,
      kind,
      metadata: slimMeta(object.metadata),
      spec,
      ...(status === undefined ? {} : { status }),
    } as T;
  };

/** Starts them all; each is synced in its own time. */
export const startWorld = ({ client, log, observer }: StartWorldOptions): StartedWorld => {
  const follow = <T extends KubeObject>(name: string, path: string, transform: (object: KubeObject) => T, labelSelector?: string) =>
    startInformer({ name, client, path, transform, log, observer, ...(labelSelector === undefined ? {} : { query: { labelSelector } }) });
  const world = {
    pods: follow('pods', '/api/v1/pods', slimPod, `${AGENT_LABEL}=true`),
    namespaces: follow('namespaces', '/api/v1/namespaces', slimNamespace),
    connections: follow('databaseconnections', `/apis/${API_VERSION}/databaseconnections`, ours<ConnectionObject>('DatabaseConnection')),
    policies: follow('databaseaccesspolicies', `/apis/${API_VERSION}/databaseaccesspolicies`, ours<PolicyObject>('DatabaseAccessPolicy')),
  };
  const informers: readonly Pick<ObservedInformer<KubeObject>, 'name' | 'health' | 'stop'>[] = Object.values(world);
  return {
    world,
    health: () => new Map(informers.map(({ name, health }) => [name, health()])),
    stop: () => {
      for (const { stop } of informers) stop();
    },
  };
};
