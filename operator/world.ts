/**
 * What the operator knows of the cluster, kept fresh by informers. Controllers, webhook and control plane read it; none of them lists by itself.
 */
import type { DatabaseAccessPolicy } from '../kernel/generated/database-access-policy.ts';
import type { DatabaseConnection } from '../kernel/generated/database-connection.ts';
import type { Informer, KubeObject, ObjectMeta } from './kube/kube.ts';

export type ConnectionObject = KubeObject & Pick<DatabaseConnection, 'spec' | 'status'>;
export type PolicyObject = KubeObject & Pick<DatabaseAccessPolicy, 'spec' | 'status'>;

/** Of a pod only what is asked for here is kept in memory. */
export type PodObject = {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly serviceAccountName?: string; readonly nodeName?: string };
  readonly status?: { readonly phase?: string; readonly podIP?: string };
  readonly [field: string]: unknown;
};

export type World = {
  /** Pods with the label AGENT_LABEL=true, in any phase. */
  readonly pods: Informer<PodObject>;
  readonly namespaces: Informer<KubeObject>;
  readonly connections: Informer<ConnectionObject>;
  readonly policies: Informer<PolicyObject>;
};
