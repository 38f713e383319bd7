/**
 * What has to be so before a replica is of use.
 */
import type { InformerHealth } from './kube/informer.ts';
import type { KubeFailure } from './kube/kube.ts';
import type { ReadinessCheck } from './metrics/server.ts';

/** What has been started; `undefined` is still to come. */
export type Progress = {
  readonly informers: ReadonlyMap<string, InformerHealth>;
  readonly certificate: boolean;
  readonly webhook: boolean;
  readonly control: boolean;
  readonly stopping: boolean;
};

/**
 * An informer that has been synced stays ready while the API server is away: sidecars are better off with this replica's picture than
 * with none. Its detail says so.
 */
const informerCheck = (name: string, { synced, failure }: InformerHealth): ReadinessCheck => ({
  name,
  ready: synced,
  detail: failure === undefined ? (synced ? 'fresh' : 'not listed yet') : `cannot follow: ${explained(failure)}`,
});

/** The API server only says that it could not find the resource. */
const explained = ({ status, message }: KubeFailure): string =>
  status === 404 ? `its CustomResourceDefinition is not installed: apply those of the chart (${message})` : message;

/** All checks, in the order in which they come true. */
export const readinessOf = ({ informers, certificate, webhook, control, stopping }: Progress): readonly ReadinessCheck[] => [
  { name: 'running', ready: !stopping, detail: stopping ? 'shutting down' : '' },
  ...[...informers].map(([name, health]) => informerCheck(name, health)),
  { name: 'certificate', ready: certificate, detail: certificate ? 'loaded' : 'not there yet' },
  { name: 'webhook', ready: webhook, detail: webhook ? 'listening' : 'waits for the certificate' },
  { name: 'control plane', ready: control, detail: control ? 'listening' : 'waits for certificate and informers' },
];
