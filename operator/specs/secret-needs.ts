/**
 * Which managed Secrets a namespace needs, and which of its agents wait in vain for theirs.
 */
import type { DatabaseConnection } from '../../kernel/generated/database-connection.ts';
import { allowsNamespace, type ManagedSecret, managedSecret } from './managed-secret.ts';
import { managedSecretName } from './managed-names.ts';
import type { SourceCredentials } from './source-credentials.ts';
import { keptFromAgents, NOT_VERIFIED } from './verified-server.ts';

type Named = {
  readonly metadata: { readonly namespace?: string; readonly name: string };
  readonly spec: Pick<DatabaseConnection['spec'], 'allowedNamespaces' | 'tls'>;
};

export type NeedsInput = {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** No admission rule guards Secrets there. */
  readonly unguarded: boolean;
  readonly allowUnverifiedServers: boolean;
  /** Live ones; their connections as `namespace/name`. */
  readonly agents: readonly { readonly key: string; readonly connections: readonly string[] }[];
  readonly connection: (key: string) => Named | undefined;
  /** Undefined: nobody has looked yet. */
  readonly source: (key: string) => SourceCredentials | undefined;
  /** The authority that sidecars verify the operator by; empty while there is none. */
  readonly controlCa: string;
};

/** A pod that gets no credentials, and so does not start. */
export type Refusal = { readonly agent: string; readonly connection: string; readonly reason: string; readonly note: string };

export type Needs = {
  readonly wanted: readonly ManagedSecret[];
  /** Names of Secrets that stay as they are, for nobody knows yet. */
  readonly undecided: ReadonlySet<string>;
  readonly refused: readonly Refusal[];
};

type Verdict =
  | { readonly type: 'Wanted'; readonly secret: ManagedSecret }
  | { readonly type: 'Undecided'; readonly name: string }
  | { readonly type: 'Refused'; readonly reason: string; readonly note: string };

const refused = (reason: string, note: string): Verdict => ({ type: 'Refused', reason, note });

const judge = (key: string, input: NeedsInput): Verdict => {
  const { namespace, labels, controlCa } = input;
  if (input.unguarded) {
    return refused(
      'NamespaceExcluded',
      `Agents get no credentials in namespace "${namespace}", which is excluded from pg-airlock: run them in another one.`,
    );
  }
  const connection = input.connection(key);
  if (connection === undefined) {
    return refused(
      'ConnectionNotFound',
      `There is no DatabaseConnection "${key}": make it, or correct the annotation pg-airlock.dev/connection.`,
    );
  }
  if (!allowsNamespace(connection, namespace, labels)) {
    const note = `DatabaseConnection "${key}" does not let namespace "${namespace}" in: let its spec.allowedNamespaces select that namespace.`;
    return refused('NamespaceNotAllowed', note);
  }
  // INVARIANT: also where nobody has looked at the source yet: nothing is left as it is.
  const kept = keptFromAgents(key, connection.spec, input.allowUnverifiedServers);
  if (kept !== undefined) return refused(NOT_VERIFIED, kept);
  const name = { namespace: connection.metadata.namespace ?? '', name: connection.metadata.name };
  const source = input.source(key);
  if (source?.credentials.type === 'Incomplete') {
    return refused(
      'CredentialsNotAvailable',
      `DatabaseConnection "${key}" has no credentials: its condition CredentialsAvailable says what is missing.`,
    );
  }
  if (source?.credentials.type !== 'Complete' || controlCa === '') return { type: 'Undecided', name: managedSecretName(name) };
  return { type: 'Wanted', secret: managedSecret(namespace, name, source.credentials.connection, controlCa) };
};

/** Decides. Pure. */
export const secretNeeds = (input: NeedsInput): Needs => {
  const keys = new Set(input.agents.flatMap(({ connections }) => connections));
  const verdicts = new Map([...keys].map((key) => [key, judge(key, input)]));
  return {
    wanted: [...verdicts.values()].flatMap((verdict) => (verdict.type === 'Wanted' ? [verdict.secret] : [])),
    undecided: new Set([...verdicts.values()].flatMap((verdict) => (verdict.type === 'Undecided' ? [verdict.name] : []))),
    refused: input.agents.flatMap(({ key: agent, connections }) =>
      connections.flatMap((connection) => {
        const verdict = verdicts.get(connection);
        return verdict?.type === 'Refused' ? [{ agent, connection, reason: verdict.reason, note: verdict.note }] : [];
      }),
    ),
  };
};
