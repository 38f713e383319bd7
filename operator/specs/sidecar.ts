/**
 * The sidecar's container and its volumes: the one place that says what they look like.
 *
 * Every field that the API server would fill with a default is written out, so that a pod that went through it and comes back has exactly
 * what is rendered here.
 */
import {
  ACCESS_PATH,
  ACCESS_VOLUME,
  AUDIT_PATH,
  AUDIT_VOLUME,
  SECRET_KEYS,
  SIDECAR_CONTAINER,
  SIDECAR_METRICS_PORT,
  TOKEN_AUDIENCE,
  TOKEN_FILE,
  TOKEN_SECONDS,
  credentialFolder,
} from '../../kernel/cluster-names.ts';
import type { SidecarConfig } from '../config.ts';
import type { AgentConnection } from './agent-connections.ts';
import { managedSecretName } from './managed-names.ts';

/** What is said to every sidecar. */
export type SidecarSettings = {
  readonly sidecar: Pick<SidecarConfig, 'image' | 'imagePullPolicy' | 'uid' | 'resources' | 'logLevel' | 'auditSizeLimit'>;
  /** Where the operator's control plane is: `https://HOST:PORT`. */
  readonly controlUrl: string;
};

/** Name of the port of metrics and probes; a port's name has at most 15 characters. */
export const METRICS_PORT_NAME = 'airlock-metrics';

/** Read by everybody, since the sidecar's UID does not own it; only the sidecar mounts it. */
const READ_ONLY_MODE = 0o444;

const probe = (path: string, periodSeconds: number, failureThreshold: number) => ({
  httpGet: { path, port: SIDECAR_METRICS_PORT, scheme: 'HTTP' },
  timeoutSeconds: 2,
  periodSeconds,
  successThreshold: 1,
  failureThreshold,
});

/** As the API server has it: what has a limit and no request, requests its limit. */
const withRequests = ({ requests, limits }: SidecarConfig['resources']) => ({
  ...(limits === undefined ? {} : { limits }),
  ...(limits === undefined && requests === undefined ? {} : { requests: { ...limits, ...requests } }),
});

/** The container, first among the init containers; `connections` are those of the pod's annotation. */
export const sidecarContainer = ({ sidecar, controlUrl }: SidecarSettings, connections: readonly AgentConnection[]) => ({
  name: SIDECAR_CONTAINER,
  image: sidecar.image,
  args: [
    'proxy',
    '--control',
    controlUrl,
    '--access',
    ACCESS_PATH,
    ...connections.flatMap(({ namespace, name, port }) => ['--listen', `127.0.0.1:${port}=${namespace}/${name}`]),
    '--metrics',
    `0.0.0.0:${SIDECAR_METRICS_PORT}`,
    '--audit',
    `${AUDIT_PATH}/audit`,
    '--audit-limit',
    sidecar.auditSizeLimit,
    '--log-level',
    sidecar.logLevel,
  ],
  ports: [{ name: METRICS_PORT_NAME, containerPort: SIDECAR_METRICS_PORT, protocol: 'TCP' }],
  resources: withRequests(sidecar.resources),
  restartPolicy: 'Always',
  volumeMounts: [
    { name: ACCESS_VOLUME, readOnly: true, mountPath: ACCESS_PATH },
    { name: AUDIT_VOLUME, mountPath: AUDIT_PATH },
  ],
  livenessProbe: probe('/healthz', 10, 6),
  readinessProbe: probe('/readyz', 5, 3),
  // A managed Secret may come seconds later than the pod, and an operator that restarts later still.
  startupProbe: probe('/startupz', 1, 600),
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'FallbackToLogsOnError',
  imagePullPolicy: sidecar.imagePullPolicy,
  securityContext: {
    capabilities: { drop: ['ALL'] },
    runAsUser: sidecar.uid,
    runAsGroup: sidecar.uid,
    runAsNonRoot: true,
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
    seccompProfile: { type: 'RuntimeDefault' },
  },
});

const item = (key: string, path: string) => ({ key, path });

/** The pod's volumes for it. The kubelet tries again until the managed Secrets are there. */
export const sidecarVolumes = ({ sidecar }: SidecarSettings, connections: readonly AgentConnection[]) => [
  {
    name: ACCESS_VOLUME,
    projected: {
      sources: [
        { serviceAccountToken: { audience: TOKEN_AUDIENCE, expirationSeconds: TOKEN_SECONDS, path: TOKEN_FILE } },
        ...connections.flatMap((connection, index) => {
          const name = managedSecretName(connection);
          const folder = credentialFolder(connection.namespace, connection.name);
          const required = [
            item(SECRET_KEYS.username, `${folder}/username`),
            item(SECRET_KEYS.password, `${folder}/password`),
            ...(index === 0 ? [item(SECRET_KEYS.controlCa, SECRET_KEYS.controlCa)] : []),
          ];
          return [
            { secret: { name, items: required } },
            // A source of its own: `optional` is of a source, and only this key may be absent.
            { secret: { name, items: [item(SECRET_KEYS.caCertificate, `${folder}/ca.crt`)], optional: true } },
          ];
        }),
      ],
      defaultMode: READ_ONLY_MODE,
    },
  },
  { name: AUDIT_VOLUME, emptyDir: { sizeLimit: sidecar.auditSizeLimit } },
];
