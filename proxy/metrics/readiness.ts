/**
 * What /readyz says of the parts of the proxy.
 */
import type { Bundle } from '../../kernel/policy.ts';
import type { ReadinessCheck } from './server.ts';

/** `unread`: the connections whose catalog has not been read; undefined before anybody has tried. */
export const catalogReadiness = (unread: readonly string[] | undefined): ReadinessCheck => ({
  name: 'catalog',
  ready: unread?.length === 0,
  detail: unread === undefined ? 'not looked at yet' : unread.join(', ') || 'read',
});

/** A proxy without a connection serves nobody. */
export const manifestsReadiness = ({ connections, revision }: Bundle): ReadinessCheck => ({
  name: 'manifests',
  ready: connections.size > 0,
  detail: `revision ${revision.slice(0, 16)}`,
});
