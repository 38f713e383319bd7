/**
 * The state of the certificates as a Secret of the operator's namespace.
 */
import { type Kube, KubeFailure, type KubeObject } from '../kube/kube.ts';
import { type CertificateState, bundleOf } from './rotation.ts';

const KEYS = {
  cert: 'tls.crt',
  key: 'tls.key',
  bundle: 'ca.crt',
  authorityCert: 'authority.crt',
  authorityKey: 'authority.key',
  nextCert: 'next-authority.crt',
  nextKey: 'next-authority.key',
  previous: 'previous-authority.crt',
} as const;

type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> | null };

export type StoredCertificates = {
  readonly secret: Secret | undefined;
  /** Undefined too where the Secret lacks something. */
  readonly state: CertificateState | undefined;
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const stateOf = ({ data }: Secret): CertificateState | undefined => {
  const text = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString();
  const pair = (cert: string, key: string) => ({ cert: text(cert), key: text(key) });
  const authority = pair(KEYS.authorityCert, KEYS.authorityKey);
  if (authority.cert === '' || authority.key === '') return undefined;
  const next = pair(KEYS.nextCert, KEYS.nextKey);
  return {
    authority,
    next: next.cert === '' || next.key === '' ? undefined : next,
    previous: text(KEYS.previous),
    serving: pair(KEYS.cert, KEYS.key),
  };
};

/** What is to be stored; `null` takes a key away. */
const dataOf = (state: CertificateState): Readonly<Record<string, string | null>> => ({
  [KEYS.cert]: base64(state.serving.cert),
  [KEYS.key]: base64(state.serving.key),
  [KEYS.bundle]: base64(bundleOf(state)),
  [KEYS.authorityCert]: base64(state.authority.cert),
  [KEYS.authorityKey]: base64(state.authority.key),
  [KEYS.nextCert]: state.next === undefined ? null : base64(state.next.cert),
  [KEYS.nextKey]: state.next === undefined ? null : base64(state.next.key),
  [KEYS.previous]: state.previous === '' ? null : base64(state.previous),
});

const secretsPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/secrets`;

/** Reads the Secret. @throws KubeFailure unless it is there or not found */
export const readCertificates = async (kube: Kube, namespace: string, name: string): Promise<StoredCertificates> => {
  try {
    const secret = await kube.request<Secret>('GET', `${secretsPath(namespace)}/${name}`);
    return { secret, state: stateOf(secret) };
  } catch (error) {
    if (error instanceof KubeFailure && error.status === 404) return { secret: undefined, state: undefined };
    throw error;
  }
};

/**
 * Writes the state over what was read. False if another replica was quicker: then read again.
 * @throws KubeFailure for everything else
 */
export const writeCertificates = async (
  kube: Kube,
  place: { readonly namespace: string; readonly name: string },
  { secret }: StoredCertificates,
  state: CertificateState,
): Promise<boolean> => {
  const { namespace, name } = place;
  try {
    if (secret === undefined) {
      const data = Object.fromEntries(Object.entries(dataOf(state)).filter(([, value]) => value !== null));
      const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque', data };
      await kube.request('POST', secretsPath(namespace), { body });
    } else {
      // INVARIANT: with the resource version that was read, or two replicas would each go on with an authority of their own.
      const body = { metadata: { resourceVersion: secret.metadata.resourceVersion }, data: dataOf(state) };
      await kube.request('PATCH', `${secretsPath(namespace)}/${name}`, { body, contentType: 'application/merge-patch+json' });
    }
    return true;
  } catch (error) {
    if (error instanceof KubeFailure && (error.status === 409 || (error.status === 404 && secret !== undefined))) return false;
    throw error;
  }
};
