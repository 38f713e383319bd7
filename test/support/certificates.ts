/**
 * Certificates for tests: an authority of one's own, and server certificates that it signs.
 */
import 'reflect-metadata';
import { randomBytes, type webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

export type IssueOptions = {
  /** The first name unless told. */
  readonly commonName?: string;
  /** What Kubernetes takes for the groups of a user. */
  readonly organizations?: readonly string[];
  /** The certificate ended an hour ago. */
  readonly expired?: boolean;
};

export type Authority = {
  /** The authority's own certificate, PEM. */
  readonly cert: string;
  /** Its private key, PEM. */
  readonly key: string;
  /** A server certificate for these DNS names or IP addresses, PEM. */
  readonly issue: (names: readonly string[], options?: IssueOptions) => Promise<{ readonly key: string; readonly cert: string }>;
};

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR = 60 * 60 * 1000;

const generateKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
const privateKeyPem = async ({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> =>
  `${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY')}\n`;
const serialNumber = (): string => `01${randomBytes(15).toString('hex')}`;
const fromNow = (milliseconds: number): Date => new Date(Date.now() + milliseconds);

/** A new certificate authority, valid for a day. */
export const createAuthority = async (name = 'pg-airlock test authority'): Promise<Authority> => {
  const keys = await generateKeys();
  const root = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    serialNumber: serialNumber(),
    notBefore: fromNow(-2 * HOUR),
    notAfter: fromNow(24 * HOUR),
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  const issue: Authority['issue'] = async (names, { commonName = names[0] ?? 'localhost', organizations = [], expired = false } = {}) => {
    const own = await generateKeys();
    const alternatives = names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value }));
    const certificate = await X509CertificateGenerator.create({
      subject: [{ CN: [commonName] }, ...organizations.map((name) => ({ O: [name] }))],
      issuer: root.subject,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      serialNumber: serialNumber(),
      notBefore: fromNow(-2 * HOUR),
      notAfter: fromNow(expired ? -HOUR : 24 * HOUR),
      extensions: [
        new BasicConstraintsExtension(false),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        new SubjectAlternativeNameExtension(alternatives),
      ],
    });
    return { key: await privateKeyPem(own), cert: `${certificate.toString('pem')}\n` };
  };
  return { cert: `${root.toString('pem')}\n`, key: await privateKeyPem(keys), issue };
};
