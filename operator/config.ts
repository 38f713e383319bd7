/**
 * The operator's configuration: one YAML file, which the chart renders. Parsed once, by `parseOperatorConfig`.
 */

/** HOST:PORT to listen on. */
export type Address = { readonly host: string; readonly port: number };

/** What the injected container is made of; no annotation changes any of it. */
export type SidecarConfig = {
  readonly image: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** The sidecar's own user and group id, which no other container of an agent's pod may have. */
  readonly uid: number;
  readonly resources: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  /** Seconds that a sidecar may serve its last bundle without the operator. */
  readonly staleAfter: number;
  readonly logLevel: string;
  /** Of the audit log's emptyDir. */
  readonly auditSizeLimit: string;
};

export type OperatorConfig = {
  /** The operator's own namespace. */
  readonly namespace: string;
  /** Namespaces without injection and without admission rules; its own always is one. No credentials are put there. */
  readonly excludedNamespaces?: readonly string[];
  readonly sidecar: SidecarConfig;
  /** `url` is what sidecars are told: `https://pg-airlock-control.pg-airlock.svc:8444`. */
  readonly control: { readonly listen: Address; readonly url: string };
  readonly admission: {
    readonly listen: Address;
    /** Names of the webhook configurations whose caBundle the operator keeps; empty where cert-manager does. */
    readonly mutatingConfiguration: string;
    readonly validatingConfiguration: string;
  };
  readonly certificates:
    | { readonly source: 'SelfManaged'; readonly secret: string; readonly dnsNames: readonly string[] }
    /** Files tls.crt, tls.key and ca.crt, as cert-manager and a Secret volume put them. */
    | { readonly source: 'Files'; readonly directory: string };
  readonly metrics: { readonly listen: Address };
  readonly leaderElection: { readonly lease: string };
  readonly logLevel: string;
};
