/**
 * What the Prometheus operator finds for a PodMonitor or a ServiceMonitor. Debian's Prometheus has no eyes for Kubernetes: it reads files.
 */
import { getObject, SYSTEM } from './environment.ts';

export type Monitor = {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly namespaceSelector: { readonly any?: boolean; readonly matchNames?: readonly string[] };
    readonly podMetricsEndpoints?: readonly { readonly port: string; readonly path: string }[];
    readonly endpoints?: readonly { readonly port: string; readonly path: string }[];
    /** A PrometheusRule's. */
    readonly groups?: readonly unknown[];
  };
};

export type Targets = { readonly targets: readonly string[]; readonly labels: Readonly<Record<string, string>> };

type Port = { readonly name?: string; readonly containerPort: number };
type Container = { readonly name: string; readonly ports?: readonly Port[] };
type Meta = { readonly namespace: string; readonly name: string };
type Pod = {
  readonly metadata: Meta;
  readonly spec: { readonly containers: readonly Container[]; readonly initContainers?: readonly Container[] };
  readonly status: { readonly podIP?: string; readonly phase: string };
};
type Slice = {
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly endpoints: readonly { readonly addresses: readonly string[]; readonly targetRef?: Meta }[] | null;
};
type List<T> = { readonly items: readonly T[] };

/** Scraped by one job, `name`. */
export type Job = { readonly name: string; readonly path: string; readonly find: () => Promise<readonly Targets[]> };

/** The jobs of a monitor. */
export const jobsOf = (monitor: Monitor): readonly Job[] => {
  const { podMetricsEndpoints = [], endpoints = [] } = monitor.spec;
  const name = `${monitor.kind}/${monitor.metadata.name}`;
  return [
    ...podMetricsEndpoints.map(({ port, path }) => ({ name, path, find: () => podTargets(monitor, port) })),
    ...endpoints.map(({ port, path }) => ({ name, path, find: () => serviceTargets(monitor, port) })),
  ];
};

const selected = async <T>(kind: string, { spec: { selector, namespaceSelector } }: Monitor): Promise<readonly T[]> => {
  const labels = Object.entries(selector.matchLabels).map(([label, value]) => `${label}=${value}`);
  const scopes = namespaceSelector.any === true ? [['-A']] : (namespaceSelector.matchNames ?? [SYSTEM]).map((one) => ['-n', one]);
  const lists = await Promise.all(scopes.map((scope) => getObject<List<T>>([kind, ...scope, '-l', labels.join(',')])));
  return lists.flatMap(({ items }) => items);
};

const podTargets = async (monitor: Monitor, port: string): Promise<readonly Targets[]> =>
  (await selected<Pod>('pods', monitor)).flatMap(({ metadata, spec, status: { podIP, phase } }) =>
    [...(spec.initContainers ?? []), ...spec.containers].flatMap(({ name, ports = [] }) =>
      ports
        .filter((one) => one.name === port && podIP !== undefined && phase !== 'Failed' && phase !== 'Succeeded')
        .map(({ containerPort }) => ({
          targets: [`${podIP}:${containerPort}`],
          labels: { namespace: metadata.namespace, pod: metadata.name, container: name },
        })),
    ),
  );

/** EndpointSlices bear the labels of their Service. */
const serviceTargets = async (monitor: Monitor, port: string): Promise<readonly Targets[]> =>
  (await selected<Slice>('endpointslices', monitor)).flatMap(({ ports, endpoints }) =>
    ports
      .filter(({ name }) => name === port)
      .flatMap(({ port: number }) =>
        (endpoints ?? []).map(({ addresses, targetRef }) => ({
          targets: addresses.map((address) => `${address}:${number}`),
          labels: { namespace: targetRef?.namespace ?? '', pod: targetRef?.name ?? '' },
        })),
      ),
  );
