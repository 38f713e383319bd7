/**
 * The operator's control plane on a real API server, and what a kubelet would do for pods: token and identity.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { startControl, type Control, type StartControlOptions } from '../../operator/control/start-control.ts';
import { TOKEN_AUDIENCE } from '../../kernel/cluster-names.ts';
import { connectKube } from '../../operator/kube/connect.ts';
import { startInformer } from '../../operator/kube/informer.ts';
import type { KubeObject } from '../../operator/kube/kube.ts';
import type { ConnectionObject, PodObject, PolicyObject } from '../../operator/world.ts';
import { type Authority, createAuthority } from '../support/certificates.ts';
import type { ControlPlane } from '../support/kubernetes.ts';
import { createLogger } from '../../proxy/metrics/log.ts';

export type TestOperator = {
  readonly url: string;
  readonly control: Control;
  readonly authority: Authority;
  readonly stop: () => Promise<void>;
};

export type TestOperatorOptions = Partial<
  Pick<
    StartControlOptions,
    'listen' | 'staleAfter' | 'connections' | 'replica' | 'observer' | 'tallyMs' | 'secretsMs' | 'blindMs' | 'following'
  >
> & {
  readonly authority?: Authority;
  readonly log?: Logger;
};

/** Starts what `operator/main.ts` starts of it. */
export const startTestOperator = async (
  cluster: Pick<ControlPlane, 'kubeconfig'>,
  options: TestOperatorOptions = {},
): Promise<TestOperator> => {
  const { authority = await createAuthority(), log = createLogger({ level: 'fatal' }), ...rest } = options;
  const certificate = { ...(await authority.issue(['127.0.0.1', 'localhost'])), ca: authority.cert };
  const client = await connectKube({ kubeconfig: cluster.kubeconfig, serviceHost: undefined, servicePort: undefined });
  const follow = <T extends KubeObject>(name: string, path: string, query: Readonly<Record<string, string>> = {}) =>
    startInformer<T>({ name, client, path, query, transform: (object) => object as T, log });
  const world = {
    pods: follow<PodObject>('pods', '/api/v1/pods', { labelSelector: 'pg-airlock.dev/agent=true' }),
    namespaces: follow<KubeObject>('namespaces', '/api/v1/namespaces'),
    connections: follow<ConnectionObject>('connections', '/apis/pg-airlock.dev/v1alpha1/databaseconnections'),
    policies: follow<PolicyObject>('policies', '/apis/pg-airlock.dev/v1alpha1/databaseaccesspolicies'),
  };
  const control = await startControl({
    kube: client,
    world,
    certificates: { current: () => certificate, onChange: () => () => undefined },
    listen: { host: '127.0.0.1', port: 0 },
    staleAfter: 300,
    // The shop's server has no certificate.
    connections: { allowUnverifiedServers: true },
    replica: { namespace: 'pg-airlock', name: `operator-${randomUUID()}`, uid: undefined },
    clock: { now: () => new Date(), monotonic: () => performance.now() },
    log,
    following: () => Object.values(world).every((informer) => informer.health().failure === undefined),
    ...rest,
  });
  return {
    url: `https://127.0.0.1:${control.address.port}`,
    control,
    authority,
    stop: async () => {
      await control.stop();
      for (const informer of Object.values(world)) informer.stop();
      client.close();
    },
  };
};

/** A request that has to succeed; returns the object. */
export const must = async (cluster: ControlPlane, ...parameters: Parameters<ControlPlane['request']>): Promise<KubeObject> => {
  const { status, body } = await cluster.request(...parameters);
  if (status >= 300) throw new Error(`${parameters[0]} ${parameters[1]}: ${status} ${JSON.stringify(body)}`);
  return body as KubeObject;
};

export type AgentPod = { readonly namespace: string; readonly name: string; readonly uid: string };

/** Creates a pod that is an agent. */
export const createAgent = async (cluster: ControlPlane, name: string, metadata: object = {}): Promise<AgentPod> => {
  const namespace = 'agents';
  const { metadata: made } = await must(cluster, 'POST', `/api/v1/namespaces/${namespace}/pods`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      labels: { 'pg-airlock.dev/agent': 'true', app: 'reporter' },
      annotations: { 'pg-airlock.dev/connection': 'data/shop' },
      ...metadata,
    },
    spec: { serviceAccountName: 'reporter', containers: [{ name: 'agent', image: 'agent' }] },
  });
  return { namespace, name, uid: made.uid ?? '' };
};

/** A token of the pod's ServiceAccount, as the kubelet asks for it; `bound` undefined: bound to nothing. */
export const tokenOf = async (
  cluster: ControlPlane,
  bound: Pick<AgentPod, 'name' | 'uid'> | undefined,
  { audience = TOKEN_AUDIENCE, seconds = 600 } = {},
): Promise<string> => {
  const answer = await must(cluster, 'POST', '/api/v1/namespaces/agents/serviceaccounts/reporter/token', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      audiences: [audience],
      expirationSeconds: seconds,
      ...(bound === undefined ? {} : { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: bound.name, uid: bound.uid } }),
    },
  });
  return (answer['status'] as { readonly token: string }).token;
};
