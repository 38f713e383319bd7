/**
 * What a threat is: something that somebody tries, the admission policy that refuses it, and what stays possible beside it.
 */
import type { KubernetesUser } from '../support/kubernetes-client.ts';

/** One request to the API server. Nothing is kept of it: what is written is written with dryRun, which admission does not differ by. */
export type Attempt = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Without it MALLORY. */
  readonly as?: string | KubernetesUser;
};

export type Threat = {
  /** What is tried, for docs/threat-model.md. */
  readonly attempt: string;
  /** Name of the policy, without the release's. */
  readonly policy: string;
  /** What the refusal says, the begin of it at least. */
  readonly says: string;
  readonly attack: Attempt;
  /** A legitimate request as near to it as can be, which passes. */
  readonly twin: Attempt & { readonly what: string };
};

/** Does in the namespaces AGENTS, QUIET and DATA whatever people do there, but for reading Secrets. */
export const MALLORY = 'mallory';

/** May write connections and policies there, and read Secret `shop-owner` alone. */
export const OLIVIA = 'olivia';

/** May write namespaces. */
export const NATHAN = 'nathan';

export const OPERATOR = 'system:serviceaccount:pg-airlock:pg-airlock-operator';
export const NODE: KubernetesUser = {
  name: 'system:node:node1',
  groups: ['system:nodes', 'system:authenticated'],
};

/** A namespace with agents, one without, and one with connections. */
export const AGENTS = 'agents';
export const QUIET = 'quiet';
export const DATA = 'data';

export const core = (namespace: string, resource: string): string => `/api/v1/namespaces/${namespace}/${resource}`;

/** Creation of an object at a path of its kind. */
export const create = (path: string, body: unknown, as?: Attempt['as']): Attempt => ({
  method: 'POST',
  path: `${path}?dryRun=All`,
  body,
  ...(as === undefined ? {} : { as }),
});

/** A strategic merge patch for built-in kinds, a merge patch for ours. */
export const patch = (path: string, body: unknown, as?: Attempt['as']): Attempt => ({
  method: 'PATCH',
  path: `${path}?dryRun=All`,
  body,
  contentType: path.startsWith('/api/') ? 'application/strategic-merge-patch+json' : 'application/merge-patch+json',
  ...(as === undefined ? {} : { as }),
});

export const remove = (path: string, as?: Attempt['as']): Attempt => ({
  method: 'DELETE',
  path: `${path}?dryRun=All`,
  ...(as === undefined ? {} : { as }),
});
