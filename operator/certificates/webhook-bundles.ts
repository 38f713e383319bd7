/**
 * The caBundle of the webhook configurations: by which authorities the API server knows the operator.
 */
import { type Kube, KubeFailure, type KubeObject } from '../kube/kube.ts';

/** Names of the two configurations; an empty one is somebody else's affair. */
export type WebhookNames = { readonly mutatingConfiguration: string; readonly validatingConfiguration: string };

type Webhook = { readonly clientConfig?: { readonly caBundle?: string } };
type Configuration = KubeObject & { readonly webhooks?: readonly Webhook[] | null };

/** A configuration as it was read, with its place. */
export type ReadConfiguration = { readonly path: string; readonly configuration: Configuration };

const GROUP = '/apis/admissionregistration.k8s.io/v1';

const pathsOf = ({ mutatingConfiguration, validatingConfiguration }: WebhookNames): readonly string[] => [
  ...(mutatingConfiguration === '' ? [] : [`${GROUP}/mutatingwebhookconfigurations/${mutatingConfiguration}`]),
  ...(validatingConfiguration === '' ? [] : [`${GROUP}/validatingwebhookconfigurations/${validatingConfiguration}`]),
];

/** The configurations that are there; one that is not yet is left out. @throws KubeFailure */
export const readConfigurations = async (kube: Kube, names: WebhookNames): Promise<readonly ReadConfiguration[]> => {
  const read: ReadConfiguration[] = [];
  for (const path of pathsOf(names)) {
    try {
      read.push({ path, configuration: await kube.request<Configuration>('GET', path) });
    } catch (error) {
      if (!(error instanceof KubeFailure && error.status === 404)) throw error;
    }
  }
  return read;
};

/**
 * Gives each webhook of the configurations this bundle. False if one changed since it was read: then read again.
 * INVARIANT: read before the certificates were, and patched with the resource version that was read: so a replica that is behind cannot
 * put an older bundle back.
 * @throws KubeFailure
 */
export const patchBundles = async (kube: Kube, configurations: readonly ReadConfiguration[], ca: string): Promise<boolean> => {
  const value = Buffer.from(ca).toString('base64');
  for (const { path, configuration } of configurations) {
    const stale = (configuration.webhooks ?? []).flatMap(({ clientConfig }, index) => (clientConfig?.caBundle === value ? [] : [index]));
    if (stale.length === 0) continue;
    const body = [
      { op: 'replace', path: '/metadata/resourceVersion', value: configuration.metadata.resourceVersion },
      ...stale.map((index) => ({ op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value })),
    ];
    try {
      await kube.request('PATCH', path, { body, contentType: 'application/json-patch+json' });
    } catch (error) {
      if (error instanceof KubeFailure && (error.status === 409 || error.status === 404)) return false;
      throw error;
    }
  }
  return true;
};
