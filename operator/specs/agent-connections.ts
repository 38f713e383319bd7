/**
 * Which connections a pod's annotation names, and at which port of its localhost each is.
 */
import { CONNECTION_ANNOTATION, FIRST_PORT, SIDECAR_METRICS_PORT } from '../../kernel/cluster-names.ts';

export type AgentConnection = { readonly namespace: string; readonly name: string; readonly port: number };

/** `problem` says what is wrong with the annotation, and how to correct it. */
export type AgentConnections =
  | { readonly ok: true; readonly connections: readonly AgentConnection[] }
  | { readonly ok: false; readonly problem: string };

const LABEL = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const ENTRY = new RegExp(`^(?:(${LABEL})/)?([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)(?::(\\d{1,5}))?$`);

/** More would be a mistake, and each is a listener. */
const MOST = 16;

const wrong = (problem: string): AgentConnections => ({ ok: false, problem: `annotation ${CONNECTION_ANNOTATION}: ${problem}` });

/** Reads the annotation of a pod in `namespace`. Pure; the connections need not exist. */
export const agentConnections = (annotation: string | undefined, namespace: string): AgentConnections => {
  const entries = (annotation ?? '').split(',').map((entry) => entry.trim());
  if (annotation === undefined || entries.join('') === '') {
    return wrong('is missing. Name the DatabaseConnection that the agent uses, as "shop" or "data/shop"');
  }
  if (entries.length > MOST) return wrong(`names ${entries.length} connections, and ${MOST} is the limit`);
  const connections: AgentConnection[] = [];
  for (const [index, entry] of entries.entries()) {
    const [, inNamespace = namespace, name, given] = ENTRY.exec(entry) ?? [];
    const port = given === undefined ? FIRST_PORT + index : Number(given);
    if (name === undefined) return wrong(`"${entry.slice(0, 80)}" is not "name", "namespace/name" or one of them with ":port"`);
    if (port < 1024 || port > 65535 || port === SIDECAR_METRICS_PORT) {
      return wrong(`port ${port} cannot be used: take one from 1024 to 65535 that is not ${SIDECAR_METRICS_PORT}`);
    }
    const same = connections.find((other) => other.port === port || (other.namespace === inNamespace && other.name === name));
    if (same?.port === port)
      return wrong(`${same.name} and ${name} would both be at port ${port}: give one of them another, as "${name}:${port + 1}"`);
    if (same !== undefined) return wrong(`"${inNamespace}/${name}" stands there twice`);
    connections.push({ namespace: inNamespace, name, port });
  }
  return { ok: true, connections };
};
