/**
 * Reads certificates, and says what they are good for.
 */
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { isIP } from 'node:net';
import type { KeyPair } from './issue.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM bundle. @throws on one that is none */
export const certificatesOf = (pem: string): readonly X509Certificate[] =>
  [...pem.matchAll(CERTIFICATE)].map(([text]) => new X509Certificate(text));

/** The first certificate of a PEM text, if its private key is that of `key`; undefined where either cannot be read. */
export const readPair = ({ cert, key }: KeyPair): X509Certificate | undefined => {
  try {
    const [certificate] = certificatesOf(cert);
    return certificate?.checkPrivateKey(createPrivateKey(key)) === true ? certificate : undefined;
  } catch {
    return undefined;
  }
};

/** Whether `authority` signed it. */
export const isSignedBy = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  certificate.checkIssued(authority) && certificate.verify(authority.publicKey);

/** Whether it serves for a DNS name or an address. */
export const serves = (certificate: X509Certificate, host: string): boolean =>
  (isIP(host) === 0 ? certificate.checkHost(host, { subject: 'never', wildcards: false }) : certificate.checkIP(host)) !== undefined;

/** The DNS names and addresses that it is for. */
export const hostsOf = (certificate: X509Certificate): readonly string[] =>
  (certificate.subjectAltName ?? '').split(', ').flatMap((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1] ?? []);

/** Whether two thirds of its life are over. */
export const isDue = ({ validFromDate, validToDate }: X509Certificate, now: Date): boolean =>
  now.getTime() >= validFromDate.getTime() + ((validToDate.getTime() - validFromDate.getTime()) * 2) / 3;

/** Whether it has ended. */
export const isOver = ({ validToDate }: X509Certificate, now: Date): boolean => now >= validToDate;
