/**
 * The operator's controllers on a real API server, as the user whom the chart lets the operator be.
 */
import pino from 'pino';
import type { Clock } from '../../kernel/clock.ts';
import type { OperatorConfig } from '../../operator/config.ts';
import { connectKube } from '../../operator/kube/connect.ts';
import { createEvents } from '../../operator/kube/events.ts';
import { startInformer } from '../../operator/kube/informer.ts';
import type { Kube, KubeObject, KubeRequest } from '../../operator/kube/kube.ts';
import type { ControllerTiming } from '../../operator/reconcile/controllers.ts';
import { startControllers } from '../../operator/reconcile/start-controllers.ts';
import type { ConnectionObject, PodObject, PolicyObject, World } from '../../operator/world.ts';
import { renderChart } from './chart.ts';
import type { ControlPlane } from './kubernetes.ts';

export const OPERATOR_NAMESPACE = 'pg-airlock';
export const OPERATOR = 'system:serviceaccount:pg-airlock:pg-airlock-operator';

/** The rights that the chart gives the operator, and the admission policies that bound them: without these no credential is handed out. */
export const operatorRights = async (): Promise<readonly KubeObject[]> =>
  (await renderChart()).filter(
    ({ apiVersion = '', metadata }) =>
      /^(rbac\.authorization|admissionregistration)\.k8s\.io\/v1$/.test(apiVersion) && metadata.name.startsWith('pg-airlock-operator'),
  );

/** Shorter than in a cluster, so that a test need not wait. */
const TIMING: Partial<ControllerTiming> = {
  secretsMs: 300,
  managedMs: 400,
  databaseMs: 60_000,
  firstRetryMs: 300,
  exposureMs: 500,
  talliesMs: 200,
  countsMs: 1_000,
  settleMs: 50,
  loginMs: 2_000,
};

export type RunningControllers = {
  /** Method and path of what was written. */
  readonly writes: string[];
  readonly changeCa: (ca: string) => void;
  readonly stop: () => Promise<void>;
};

const CLOCK: Clock = { now: () => new Date(), monotonic: () => performance.now() };

/** Starts informers and controllers as the operator's leader would. */
export const runControllers = async (
  cluster: ControlPlane,
  timing: Partial<ControllerTiming> = {},
  connections: OperatorConfig['connections'] = { allowUnverifiedServers: false },
): Promise<RunningControllers> => {
  const kubeconfig = await cluster.kubeconfigFor({ name: OPERATOR, groups: ['system:serviceaccounts', 'system:authenticated'] });
  const client = await connectKube({ kubeconfig, serviceHost: undefined, servicePort: undefined });
  const log = pino({ level: 'silent' });
  const writes: string[] = [];
  const noted = (method: string, path: string): void => {
    if (method !== 'GET' && !path.includes('subjectaccessreviews') && !path.includes('/events')) writes.push(`${method} ${path}`);
  };
  const kube: Kube = {
    request: <T>(method: Parameters<Kube['request']>[0], path: string, request?: KubeRequest) => {
      noted(method, path);
      return client.request<T>(method, path, request);
    },
    apply: <T extends KubeObject>(path: string, object: KubeObject) => {
      noted('APPLY', path);
      return client.apply<T>(path, object);
    },
  };
  const follow = <T extends KubeObject>(name: string, path: string, query: Readonly<Record<string, string>> = {}) =>
    startInformer<T>({ name, client, path, query, log, transform: (object) => object as T });
  const world: World = {
    pods: follow<PodObject>('pods', '/api/v1/pods', { labelSelector: 'pg-airlock.dev/agent=true' }),
    namespaces: follow<KubeObject>('namespaces', '/api/v1/namespaces'),
    connections: follow<ConnectionObject>('connections', '/apis/pg-airlock.dev/v1alpha1/databaseconnections'),
    policies: follow<PolicyObject>('policies', '/apis/pg-airlock.dev/v1alpha1/databaseaccesspolicies'),
  };
  let ca = 'CONTROL-CA-1';
  const listeners = new Set<() => void>();
  const events = createEvents({ kube, instance: 'operator-0', clock: CLOCK, log });
  const config: Pick<OperatorConfig, 'namespace' | 'leaderElection' | 'connections' | 'excludedNamespaces'> = {
    namespace: OPERATOR_NAMESPACE,
    excludedNamespaces: ['excluded'],
    connections,
    leaderElection: { lease: 'pg-airlock-operator' },
  };
  const controllers = await startControllers({
    kube,
    world,
    config,
    clock: CLOCK,
    log,
    events,
    metrics: { worked: () => {}, depth: () => {}, ready: () => {} },
    ca: {
      current: () => ({ ca }),
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    timing: { ...TIMING, ...timing },
  });
  return {
    writes,
    changeCa: (next) => {
      ca = next;
      for (const listener of listeners) listener();
    },
    stop: async () => {
      await controllers.stop();
      await events.flush();
      for (const informer of Object.values(world)) informer.stop();
      client.close();
    },
  };
};
