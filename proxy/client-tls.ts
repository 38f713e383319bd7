/**
 * The certificate that the proxy shows to agents, read again when the files change.
 */
import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import { certificateHash } from './identity/certificate-hash.ts';

export type ClientTls = {
  /** The newest that could be read. */
  readonly current: () => { readonly context: SecureContext; readonly certificateHash: Buffer | undefined };
  readonly stop: () => void;
};

type Files = { readonly certificate: string; readonly key: string };

/** Milliseconds between looks at the files. */
const INTERVAL = 10_000;

/** Reads the files, and rejects when they are no certificate with its key; a later change that cannot be used is reported and left out. */
export const openClientTls = async (files: Files, onFailure: (error: unknown) => void): Promise<ClientTls> => {
  let signature = await signatureOf(files);
  let current = await read(files);
  const look = async (): Promise<void> => {
    const next = await signatureOf(files);
    if (next === signature) return;
    current = await read(files);
    signature = next;
  };
  const timer = setInterval(() => void look().catch(onFailure), INTERVAL);
  timer.unref();
  return { current: () => current, stop: () => clearInterval(timer) };
};

const read = async ({ certificate, key }: Files) => {
  const cert = await readFile(certificate);
  const context = createSecureContext({ cert, key: await readFile(key), minVersion: 'TLSv1.2' });
  return { context, certificateHash: certificateHash(new X509Certificate(cert).raw) };
};

const signatureOf = async ({ certificate, key }: Files): Promise<string> => {
  const parts = await Promise.all([certificate, key].map((path) => stat(path)));
  return parts.map((part) => `${part.mtimeMs}.${part.size}.${part.ino}`).join();
};
