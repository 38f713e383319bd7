/**
 * Pods of the threats: an agent's as the operator renders it, and variations.
 */
import { ACCESS_VOLUME, AGENT_LABEL, CONNECTION_ANNOTATION, TOKEN_AUDIENCE } from '../../kernel/cluster-names.ts';
import { agentConnections } from '../../operator/specs/agent-connections.ts';
import { managedSecretName } from '../../operator/specs/managed-names.ts';
import { type SidecarSettings, sidecarContainer, sidecarVolumes } from '../../operator/specs/sidecar.ts';
import { AGENTS } from './threat.ts';

type Fields = Readonly<Record<string, unknown>>;

/** As the values of the chart have it; the tests hold it to what the chart renders. */
export const SETTINGS: SidecarSettings = {
  sidecar: {
    image: 'pg-airlock/proxy:0.1.0',
    imagePullPolicy: 'IfNotPresent',
    uid: 20_432,
    resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } },
    logLevel: 'info',
    auditSizeLimit: '1Gi',
  },
  controlUrl: 'https://pg-airlock-control.pg-airlock.svc:8444',
};

/** The Secret of connection data/shop in a namespace of agents. */
export const MANAGED_SECRET = managedSecretName({ namespace: 'data', name: 'shop' });

/** A container that reads a Secret of its own, as many do. */
export const main = (fields: Fields = {}): object => ({ name: 'main', image: 'agent:1', ...fields });

/** A pod without the sidecar. */
export const plainPod = (spec: Fields = {}, metadata: Fields = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'tried', ...metadata },
  spec: { containers: [main()], ...spec },
});

type AgentFields = {
  readonly spec?: Fields;
  readonly metadata?: Fields;
  /** Of the sidecar's container; undefined takes a field out. */
  readonly sidecar?: Fields;
  /** The annotation. */
  readonly connection?: string;
  readonly volumes?: readonly object[];
  /** Instead of the projected volume's sources. */
  readonly sources?: readonly object[];
  readonly labels?: Readonly<Record<string, string>>;
};

/** The sources of the sidecar's projected volume for connection data/shop. */
export const accessSources = (connection = 'data/shop'): readonly object[] => {
  const named = agentConnections(connection, AGENTS);
  if (!named.ok) throw new Error(named.problem);
  return sidecarVolumes(SETTINGS, named.connections).flatMap((volume) => volume.projected?.sources ?? []);
};

/** An agent's pod as it is after injection, with changes. */
export const agentPod = (fields: AgentFields = {}): object => {
  const connection = fields.connection ?? 'data/shop';
  const named = agentConnections(connection, AGENTS);
  if (!named.ok) throw new Error(named.problem);
  const volumes: readonly object[] = sidecarVolumes(SETTINGS, named.connections).map((volume) =>
    fields.sources !== undefined && volume.name === ACCESS_VOLUME ? { name: volume.name, projected: { sources: fields.sources } } : volume,
  );
  const { initContainers = [], ...spec } = fields.spec ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'tried',
      labels: fields.labels ?? { [AGENT_LABEL]: 'true' },
      annotations: { [CONNECTION_ANNOTATION]: connection },
      ...fields.metadata,
    },
    spec: {
      initContainers: [{ ...sidecarContainer(SETTINGS, named.connections), ...fields.sidecar }, ...(initContainers as readonly object[])],
      containers: [main({ env: [{ name: 'PGHOST', value: '127.0.0.1' }] })],
      volumes: [...volumes, ...(fields.volumes ?? [])],
      ...spec,
    },
  };
};

export const secretVolume = (secretName: string = MANAGED_SECRET): object => ({ name: 'stolen', secret: { secretName } });

export const tokenVolume = (audience: string = TOKEN_AUDIENCE): object => ({
  name: 'token',
  projected: { sources: [{ serviceAccountToken: { audience, path: 'token' } }] },
});
