/**
 * What a control plane for tests is started with: certificates, flags, kubeconfigs.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Authority } from './certificates.ts';

/** Where etcd listens, and the API server unless told. */
export const HOST = '127.0.0.1';

/** The folder `pki`: the authority, the API server's own certificate for these names, and the keys that sign service accounts' tokens. */
export const writePki = async (directory: string, authority: Authority, names: readonly string[] = []): Promise<void> => {
  const serving = await authority.issue([HOST, 'localhost', 'kubernetes.default.svc', ...names]);
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const files = {
    'ca.crt': authority.cert,
    'server.crt': serving.cert,
    'server.key': serving.key,
    'service-accounts.key': pair.privateKey.export({ type: 'pkcs1', format: 'pem' }),
    'service-accounts.pub': pair.publicKey.export({ type: 'spki', format: 'pem' }),
  };
  await mkdir(join(directory, 'pki'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, 'pki', name), text, { mode: 0o600 });
};

/** Of an etcd whose data may be lost with the machine. */
export const etcdFlags = (clientPort: number, peerPort: number): string[] => [
  '--data-dir=etcd',
  `--listen-client-urls=http://${HOST}:${clientPort}`,
  `--advertise-client-urls=http://${HOST}:${clientPort}`,
  `--listen-peer-urls=http://${HOST}:${peerPort}`,
  `--initial-advertise-peer-urls=http://${HOST}:${peerPort}`,
  `--initial-cluster=default=http://${HOST}:${peerPort}`,
  '--unsafe-no-fsync',
];

/** What every API server of ours is started with; where it listens, and what it admits, is its starter's to say. */
export const apiServerFlags = (port: number, etcdPort: number): string[] => [
  `--secure-port=${port}`,
  `--etcd-servers=http://${HOST}:${etcdPort}`,
  '--allow-privileged',
  '--enable-aggregator-routing',
  '--shutdown-delay-duration=0',
  '--service-account-issuer=https://kubernetes.default.svc',
  '--service-account-key-file=pki/service-accounts.pub',
  '--service-account-signing-key-file=pki/service-accounts.key',
  '--tls-cert-file=pki/server.crt',
  '--tls-private-key-file=pki/server.key',
  '--client-ca-file=pki/ca.crt',
];

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A user as a kubeconfig knows it, by client certificate. */
export const certificateUser = ({ cert, key }: { readonly cert: string; readonly key: string }): object => ({
  'client-certificate-data': base64(cert),
  'client-key-data': base64(key),
});

/** A kubeconfig, which may be JSON; `user` is what it says of the user. */
export const kubeconfigOf = (server: string, ca: string, user: object): object => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': base64(ca) } }],
  users: [{ name: 'test', user }],
  contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  'current-context': 'test',
});
