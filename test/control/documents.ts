/**
 * The shop of test/clients as objects of a cluster: its connection in namespace `data`, its policy in namespace `agents`.
 */
import { parse } from 'yaml';
import type { BundleMessage, Document } from '../../kernel/control.ts';
import { type Manifests, manifestFiles, ROLE } from '../clients/shop.ts';
import type { AccessFiles } from './access-folder.ts';

export const POD = { namespace: 'agents', pod: 'reporter-1', uid: '0b6e6f2e-0000-4000-8000-000000000001', serviceAccount: 'reporter' };

/** The connection, open to all namespaces. */
export const connectionDocument = (postgres: { readonly port: number }, options: Manifests = {}): Document => {
  const { metadata, spec, ...rest } = parse(manifestFiles(postgres, options)['connection.yaml']) as Document & { readonly spec: object };
  return { ...rest, metadata: { ...metadata, namespace: 'data' }, spec: { ...spec, allowedNamespaces: {} } } as Document;
};

/** The policy, for pods; `spec` replaces parts of it. */
export const policyDocument = (postgres: { readonly port: number }, spec: object = {}): Document => {
  const { metadata, ...rest } = parse(manifestFiles(postgres)['policy.yaml']) as Document & { readonly spec: object };
  const subjects = [{ pod: { matchLabels: { app: 'reporter' } } }];
  const own = { ...rest.spec, connectionRef: { name: 'shop', namespace: 'data' }, subjects };
  return { ...rest, metadata: { ...metadata, namespace: 'agents' }, spec: { ...own, ...spec } } as Document;
};

export const bundleMessage = (revision: string, documents: readonly Document[], staleAfter = 300): BundleMessage => ({
  type: 'bundle',
  revision,
  identity: POD,
  staleAfter,
  documents,
});

/** What the kubelet would mount. */
export const accessFiles = (ca: string, password: string = ROLE.password): AccessFiles => ({
  token: 'a-token',
  'control-ca.crt': ca,
  'connections/data.shop/username': ROLE.name,
  'connections/data.shop/password': password,
});
