/**
 * Certificates that somebody else keeps: files tls.crt, tls.key and ca.crt, as a Secret volume (cert-manager) has them.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServedCertificate } from './certificates.ts';
import { certificatesOf, readPair } from './read-certificate.ts';

/** Reads the files. @throws where one is missing, or key and certificate do not belong together, as between two writes of them */
export const readCertificateFiles = async (directory: string): Promise<ServedCertificate> => {
  const text = (name: string): Promise<string> => readFile(join(directory, name), 'utf8');
  const [cert, key, ca] = await Promise.all([text('tls.crt'), text('tls.key'), text('ca.crt')]);
  if (readPair({ cert, key }) === undefined) throw new Error(`tls.key in ${directory} is not the private key of tls.crt`);
  if (certificatesOf(ca).length === 0) throw new Error(`ca.crt in ${directory} holds no certificate`);
  return { cert, key, ca };
};
