/** Server-side apply. */
import type { Kube } from './kube.ts';

/** Owner of what server-side apply writes. */
export const FIELD_MANAGER = 'pg-airlock-operator';

/** Applies by requests of `request`. */
export const applyBy =
  (request: Kube['request']): Kube['apply'] =>
  (path, object) =>
    request('PATCH', path, {
      query: { fieldManager: FIELD_MANAGER, force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: object,
    });
