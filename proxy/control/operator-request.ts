/**
 * One request to the operator. Both ends show who they are: its certificate is checked against its own authority, our token is the pod's.
 */
import { readFile, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { checkServerIdentity } from 'node:tls';
import { CONTROL_CA_FILE, TOKEN_FILE } from '../../kernel/cluster-names.ts';

/** Where the operator is, and the folder with token and certificate authority. */
export type Operator = { readonly url: string; readonly access: string };

export type OperatorRequest = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Of one replica of the operator, `HOST:PORT`; unless told, whichever answers at the URL. */
  readonly replica?: string | undefined;
  /** Milliseconds until the answer begins. */
  readonly timeout: number;
};

const LARGEST_FILE = 1024 * 1024;

const textOf = async (path: string, what: string): Promise<string> => {
  const status = await stat(path).catch((error: unknown) => {
    throw new Error(`${what} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  });
  if (!status.isFile() || status.size > LARGEST_FILE) throw new Error(`${what} is no file of reasonable size`);
  return (await readFile(path, 'utf8')).trim();
};

/** Both change while the process lives: the kubelet renews the token, the operator its authority. */
const credentialsOf = async (access: string): Promise<{ readonly token: string; readonly ca: string }> => {
  const [token, ca] = await Promise.all([
    textOf(join(access, TOKEN_FILE), 'the token'),
    textOf(join(access, CONTROL_CA_FILE), "the operator's certificate authority"),
  ]);
  if (!/^[\w.~+/=-]+$/.test(token)) throw new Error('the token is none');
  // INVARIANT: without any certificate Node would trust every public authority.
  if (!ca.includes('-----BEGIN CERTIFICATE-----')) throw new Error("the operator's certificate authority is no certificate");
  return { token, ca };
};

const addressOf = (replica: string | undefined): { readonly hostname?: string; readonly port?: number } => {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(replica ?? '') ?? [];
  const hostname = bracketed ?? plain ?? '';
  // Not `host`, which gives way to the URL's `hostname`.
  return isIP(hostname) === 0 ? {} : { hostname, port: Number(port) };
};

/** Sends it over a connection of its own; resolves when the answer begins. Redirections are not followed. */
export const askOperator = async ({ url, access }: Operator, { method, path, body, signal, timeout, replica }: OperatorRequest) => {
  const { token, ca } = await credentialsOf(access);
  const { hostname } = new URL(url);
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(new URL(path, url), {
      method,
      signal,
      ca,
      // INVARIANT: said here, so that no environment variable says otherwise.
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      agent: false,
      ...addressOf(replica),
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
      // INVARIANT: whatever address it is at, it is the operator of that URL.
      checkServerIdentity: (_host, certificate) => checkServerIdentity(hostname.replace(/^\[|\]$/g, ''), certificate),
      maxHeaderSize: 16 * 1024,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/x-ndjson',
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
    });
    const timer = setTimeout(() => asked.destroy(new Error(`no answer within ${timeout} ms`)), timeout);
    asked.once('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    asked.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    asked.end(body);
  });
};

/** What an answer that is no success says, as far as it fits into a line. */
export const shortBody = async (response: IncomingMessage): Promise<string> => {
  const most = 4096;
  let text = '';
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.length > most) break;
  }
  return text.slice(0, most);
};
