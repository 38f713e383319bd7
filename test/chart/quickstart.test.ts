import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { judgeManifest } from '../../operator/admission/judge-manifest.ts';

const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples', 'cluster');

type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec?: { readonly host?: string; readonly tls?: unknown };
};

const manifests = async (file: string): Promise<readonly Manifest[]> =>
  parseAllDocuments(await readFile(join(EXAMPLES, file), 'utf8')).map((document) => document.toJS() as Manifest);
const valueOf = (all: readonly Manifest[], name: string, key: string): string =>
  all.find(({ kind, metadata }) => kind === 'Secret' && metadata.name === name)?.stringData?.[key] ?? '';

describe('the manifests of the quickstart', () => {
  it('are such as the operator lets through as it is installed', async () => {
    const ours = (await manifests('access.yaml')).filter(({ apiVersion }) => apiVersion.startsWith('pg-airlock.dev/'));
    expect(ours.map(({ kind }) => kind)).toEqual(['DatabaseConnection', 'DatabaseAccessPolicy']);
    for (const object of ours) {
      const resource = `pg-airlock.dev/v1alpha1/${object.kind === 'DatabaseConnection' ? 'databaseconnections' : 'databaseaccesspolicies'}`;
      const request = { uid: '1', operation: 'CREATE', resource, namespace: '', name: '', object, oldObject: null };
      expect(judgeManifest(request, { allowUnverifiedServers: false })).toEqual({ type: 'Allowed', patch: [], warnings: [] });
    }
  });

  it('have a server that its connection verifies, for years to come', async () => {
    const [database, access] = await Promise.all([manifests('database.yaml'), manifests('access.yaml')]);
    const connection = access.find(({ kind }) => kind === 'DatabaseConnection');
    const [authority, certificate] = [valueOf(access, 'postgres-ca', 'ca.crt'), valueOf(database, 'postgres-tls', 'tls.crt')].map(
      (pem) => new X509Certificate(pem),
    );
    if (authority === undefined || certificate === undefined) throw new Error('there are no certificates');
    const { host = '', tls } = connection?.spec ?? {};
    expect(tls).toEqual({ mode: 'VerifyFull', caSecretRef: { name: 'postgres-ca' } });
    expect(certificate.checkHost(host)).toBe(host);
    expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(valueOf(database, 'postgres-tls', 'tls.key')))).toBe(true);
    for (const each of [authority, certificate]) expect(each.validToDate.toISOString()).toBe('2045-01-01T00:00:00.000Z');
  });
});
