/**
 * Makes the certificate of examples/cluster's PostgreSQL anew, and writes it into the manifests. The authority's key is
 * thrown away. Nothing of it is a secret: who copies the example has the key.
 * `node scripts/make-example-certificate.ts`
 */
// It must be there before @peculiar/x509 is.
import 'reflect-metadata';
import { randomBytes, type webcrypto } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const HOST = 'postgres.quickstart-data.svc';
const EXAMPLES = join(import.meta.dirname, '..', 'examples', 'cluster');
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

const generateKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;

const common = { notBefore: new Date('2025-01-01'), notAfter: new Date('2045-01-01'), signingAlgorithm: ALGORITHM };
const serialNumber = (): string => `01${randomBytes(15).toString('hex')}`;

const authorityKeys = await generateKeys();
const authority = await X509CertificateGenerator.createSelfSigned({
  ...common,
  name: "CN=authority of pg-airlock's example",
  keys: authorityKeys,
  serialNumber: serialNumber(),
  extensions: [new BasicConstraintsExtension(true, 0, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true)],
});
const keys = await generateKeys();
const server = await X509CertificateGenerator.create({
  ...common,
  subject: `CN=${HOST}`,
  issuer: authority.subject,
  publicKey: keys.publicKey,
  signingKey: authorityKeys.privateKey,
  serialNumber: serialNumber(),
  extensions: [
    new BasicConstraintsExtension(false, undefined, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension([{ type: 'dns', value: HOST }]),
  ],
});

/** Puts a text under its key into the place of the one that is there. */
const put = async (file: string, values: Readonly<Record<string, string>>): Promise<void> => {
  const path = join(EXAMPLES, file);
  let text = await readFile(path, 'utf8');
  for (const [key, pem] of Object.entries(values)) {
    const block = new RegExp(`^( +)${key.replace('.', String.raw`\.`)}: \\|\\n(?:\\1 .*\\n)*`, 'm');
    if (!block.test(text)) throw new Error(`${file} has no ${key}`);
    text = text.replace(block, (_, indent: string) => `${indent}${key}: |\n${pem.trim().replaceAll(/^/gm, `${indent}  `)}\n`);
  }
  await writeFile(path, text);
};

const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
await put('database.yaml', { 'tls.crt': server.toString('pem'), 'tls.key': key });
await put('access.yaml', { 'ca.crt': authority.toString('pem') });
