/**
 * What operator and sidecar say to each other, over HTTPS. Both ends show who they are: the operator by a certificate of its own authority, the
 * sidecar by a token of its pod (`Authorization: Bearer`, audience TOKEN_AUDIENCE).
 *
 * - `GET /v1/bundle`: an answer without end, one JSON object a line (`ControlMessage`). The first is a `bundle`; each later `bundle` takes its
 *   place. A `ping` comes every PING_SECONDS. The operator ends the answer before the token does; the sidecar asks again with its new one.
 * - `POST /v1/report`: a `SidecarReport`, every REPORT_SECONDS where there is news, soon after a new bundle, and from time to time. Answer 204.
 *
 * 401: the token is not valid (any more). 403: it is, and its pod is none of ours (`{"reason": ...}`): sessions end. 5xx and broken
 * connections: the sidecar goes on with what it has for `staleAfter` seconds, and asks again with backoff and jitter.
 */

/**
 * In the answer with bundles: `HOST:PORT` of the replica that it comes from. Reports go there, for what streams and reports say is put
 * together in one place; the Service in front would spread them.
 */
export const REPLICA_HEADER = 'pg-airlock-replica';

export const CONTROL_PATHS = { bundle: '/v1/bundle', report: '/v1/report' } as const;
export const PING_SECONDS = 5;
export const REPORT_SECONDS = 10;

/** Who the sidecar's agent is, as the API server says. */
export type PodIdentity = {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly serviceAccount: string;
};

/** A Kubernetes object as JSON. */
export type Document = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
};

/** All that is in force for one pod. */
export type BundleMessage = {
  readonly type: 'bundle';
  /** Digest of the rest: equal content, equal revision. */
  readonly revision: string;
  readonly identity: PodIdentity;
  /** Seconds that the sidecar may go on with it once it has lost the operator. */
  readonly staleAfter: number;
  /**
   * DatabaseConnections that the pod may use, the DatabaseAccessPolicies of its namespace that select it, the Secrets that those name (keys
   * of masks), the pod's Namespace with its labels. Without status and managed fields, and without any database's credentials.
   */
  readonly documents: readonly Document[];
};

export type ControlMessage =
  | BundleMessage
  /**
   * `after`: milliseconds since the answer began, as the operator counts them. Whoever holds messages back on their way does not keep a bundle
   * in force by it.
   */
  | { readonly type: 'ping'; readonly after: number }
  /** The pod is no agent any more: sessions end now, and the sidecar does not ask again for a while. */
  | { readonly type: 'revoked'; readonly reason: string };

/** What one policy did in a sidecar since that started. */
export type PolicyCounts = { readonly blocked: number; readonly masked: number };

export type SidecarReport = {
  /** Revision in force; null before there is one. */
  readonly revision: string | null;
  readonly ready: boolean;
  /** Sessions at present. */
  readonly sessions: number;
  /** By `namespace/name` of the policy. */
  readonly policies: Readonly<Record<string, PolicyCounts>>;
};
