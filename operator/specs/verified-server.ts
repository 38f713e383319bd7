/**
 * Whether the sidecars of a connection verify which server they talk to. The containers of a pod share network and /etc/hosts, which root in
 * any of them may write: an unverified sidecar can be led to the agent's own listener, and that relays its log-in to the real database.
 */

type TlsSpec = { readonly tls?: { readonly mode?: string } | null | undefined };

/** `remedy` has no full stop. */
export type UnverifiedServer = { readonly mode: string; readonly risk: string; readonly remedy: string };

const VERIFYING: ReadonlySet<string> = new Set(['VerifyFull', 'VerifyCA']);

const RISK = "root in an agent's pod can lead the sidecar to another host, by /etc/hosts, and so take over its session with the database";
const REMEDY =
  "Use VerifyFull, and name the authority that signed the server's certificate in spec.tls.caSecretRef. Where every agent may have all that " +
  "the connection's role may do, set the chart's value connections.allowUnverifiedServers to true";

/** What is wrong with a connection of that kind; undefined: its sidecars verify the server. */
export const unverifiedServer = ({ tls }: TlsSpec): UnverifiedServer | undefined => {
  // The CRD's default.
  const mode = tls?.mode ?? 'VerifyFull';
  // INVARIANT: a mode that is not known to verify does not.
  return VERIFYING.has(mode) ? undefined : { mode, risk: RISK, remedy: REMEDY };
};

/** Reason of the condition, and of the pod's Event. */
export const NOT_VERIFIED = 'ServerNotVerified';

/** Why no agent is given the connection, in sentences; undefined: nothing is against it. */
export const keptFromAgents = (connection: string, spec: TlsSpec, allowUnverifiedServers: boolean): string | undefined => {
  const found = allowUnverifiedServers ? undefined : unverifiedServer(spec);
  if (found === undefined) return undefined;
  return `No agent is given DatabaseConnection "${connection}": its spec.tls.mode ${found.mode} verifies nothing, and ${found.risk}. ${found.remedy}.`;
};
