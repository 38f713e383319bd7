/**
 * Makes key pairs and certificates: ECDSA on P-256, as PEM.
 */
// It must be there before @peculiar/x509 is.
import 'reflect-metadata';
import { X509Certificate, createPrivateKey, randomBytes, type webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate and its private key (PKCS#8), PEM. */
export type KeyPair = { readonly cert: string; readonly key: string };

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const AUTHORITY_LIFE = 365 * DAY;
const SERVING_LIFE = 90 * DAY;

/** Clocks of a cluster differ: a certificate is valid from a little before it was made. */
export const SKEW = 10 * MINUTE;

const generateKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;

/** Positive, and of 16 bytes (RFC 5280, 4.1.2.2). */
const serialNumber = (): string => `01${randomBytes(15).toString('hex')}`;

const privatePem = async (key: webcrypto.CryptoKey): Promise<string> =>
  `${PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;

/** A new authority. Each has a name of its own, so that one that takes another's place cannot be mistaken for it. */
export const issueAuthority = async (now: Date): Promise<KeyPair> => {
  const keys = await generateKeys();
  const serial = serialNumber();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=pg-airlock authority ${serial.slice(2, 14)}`,
    keys,
    serialNumber: serial,
    notBefore: new Date(now.getTime() - SKEW),
    notAfter: new Date(now.getTime() + AUTHORITY_LIFE),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key: await privatePem(keys.privateKey) };
};

/** A serving certificate for DNS names and addresses; it ends no later than its authority. */
export const issueServing = async (authority: KeyPair, hosts: readonly string[], now: Date): Promise<KeyPair> => {
  const issuer = new X509Certificate(authority.cert);
  const signingKey = await crypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(authority.key).export({ type: 'pkcs8', format: 'der' }),
    ALGORITHM,
    false,
    ['sign'],
  );
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    // A common name has at most 64 characters, and nobody reads it.
    subject: 'CN=pg-airlock',
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    serialNumber: serialNumber(),
    notBefore: new Date(now.getTime() - SKEW),
    notAfter: new Date(Math.min(now.getTime() + SERVING_LIFE, issuer.validToDate.getTime())),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(hosts.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(await publicKeyOf(issuer)),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key: await privatePem(keys.privateKey) };
};

const publicKeyOf = (certificate: X509Certificate): Promise<webcrypto.CryptoKey> =>
  crypto.subtle.importKey('spki', certificate.publicKey.export({ type: 'spki', format: 'der' }), ALGORITHM, true, ['verify']);
