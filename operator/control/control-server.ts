/**
 * The HTTPS door for sidecars. Nothing is read, and no stream is made, before the API server has vouched for who asks.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import { CONTROL_PATHS, type PodIdentity, type SidecarReport } from '../../kernel/control.ts';
import { shareConnections } from '../fair-connections.ts';
import type { Admitted } from './agent-pods.ts';
import type { Authenticate, Authenticated } from './authenticate.ts';
import { sidecarReport } from './sidecar-report.ts';

export type Refusal = 'Unauthorized' | 'Forbidden' | 'Unavailable';

export type ControlServerOptions = {
  readonly authenticate: Authenticate;
  readonly admit: (identity: PodIdentity, address: string) => Promise<Admitted>;
  /** `expires`: of its token, in milliseconds since the epoch. */
  readonly onStream: (identity: PodIdentity, expires: number, response: ServerResponse) => void;
  readonly onReport: (identity: PodIdentity, report: SidecarReport) => void;
  readonly onRefusal: (refusal: Refusal, reason: string) => void;
};

const SECOND = 1000;

const LIMITS = {
  handshakeTimeout: 10 * SECOND,
  headersTimeout: 5 * SECOND,
  requestTimeout: 10 * SECOND,
  connectionsCheckingInterval: SECOND,
  keepAliveTimeout: 5 * SECOND,
  maxHeaderSize: 16 * 1024,
} as const satisfies ServerOptions;

const MOST_CONNECTIONS = 10_000;

/** INVARIANT: whoever has no token cannot take the places of those who have. */
const STRANGERS = { ofAnAddress: 128, inAll: 2_000 };

/** A sidecar has a stream, perhaps the one before, and a report: whoever took its token has no more. */
const MOST_OF_A_POD = 8;

const LARGEST_REPORT = 256 * 1024;

const tokenOf = ({ headers }: IncomingMessage): string | undefined => /^Bearer ([^\s]+)$/.exec(headers.authorization ?? '')?.[1];

const answer = (response: ServerResponse, status: number, reason?: string): void => {
  // A connection that was refused is not worth keeping.
  response.writeHead(status, { 'content-type': 'application/json', ...(status === 204 ? {} : { connection: 'close' }) });
  response.end(reason === undefined ? undefined : JSON.stringify({ reason }));
};

/** The body, if it is small enough. */
const bodyOf = async (request: IncomingMessage): Promise<string | undefined> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_REPORT) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

/** Counts connections of each pod whose token is known. Returns whether the pod may have this one. */
const countConnections = (): ((uid: string, socket: Socket) => boolean) => {
  const counts = new Map<string, number>();
  const counted = new WeakSet<Socket>();
  return (uid, socket) => {
    if (counted.has(socket)) return true;
    const count = counts.get(uid) ?? 0;
    if (count >= MOST_OF_A_POD) return false;
    counts.set(uid, count + 1);
    counted.add(socket);
    socket.once('close', () => {
      const left = (counts.get(uid) ?? 1) - 1;
      if (left > 0) counts.set(uid, left);
      else counts.delete(uid);
    });
    return true;
  };
};

/** Makes the server; it does not listen yet. */
export const controlServer = (options: ControlServerOptions, certificate: Pick<ServerOptions, 'key' | 'cert'>): Server => {
  const refuse = (response: ServerResponse, refusal: Refusal, reason: string): void => {
    options.onRefusal(refusal, reason);
    answer(response, { Unauthorized: 401, Forbidden: 403, Unavailable: 503 }[refusal], reason);
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const route = `${request.method ?? ''} ${request.url ?? ''}`;
    const streams = route === `GET ${CONTROL_PATHS.bundle}`;
    if (!streams && route !== `POST ${CONTROL_PATHS.report}`) {
      answer(response, 404, 'There is nothing here.');
      return;
    }
    const who: Authenticated = await options.authenticate(tokenOf(request), streams, request.socket.remoteAddress ?? '');
    if (who.type !== 'Pod') {
      refuse(response, who.type, who.type === 'Unauthorized' ? 'The token is not valid.' : 'The API server could not be asked.');
      return;
    }
    const admitted = await options.admit(who.identity, request.socket.remoteAddress ?? '');
    if (admitted.type !== 'Agent') {
      refuse(response, admitted.type, admitted.type === 'Forbidden' ? admitted.reason : 'The pod is not known yet.');
      return;
    }
    if (!request.socket.destroyed && !mayHave(who.identity.uid, request.socket)) {
      refuse(response, 'Unavailable', 'The pod has too many connections.');
      return;
    }
    isKnown(request.socket);
    if (streams) {
      // Whoever went away meanwhile has been closed already: nothing would ever end its stream.
      if (response.destroyed) return;
      // The limit of time is for requests; this answer has no end.
      request.socket.setTimeout(0);
      options.onStream(who.identity, who.expires, response);
      return;
    }
    const body = await bodyOf(request);
    const report = body === undefined ? undefined : sidecarReport(body);
    if (report === undefined) {
      answer(response, body === undefined ? 413 : 400, 'That is no report.');
      return;
    }
    options.onReport(who.identity, report);
    answer(response, 204);
  };

  const server = createServer({ ...LIMITS, ...certificate, minVersion: 'TLSv1.3' }, (request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.timeout = 30 * SECOND;
  server.maxConnections = MOST_CONNECTIONS;
  server.on('tlsClientError', () => undefined);
  const isKnown = shareConnections(server, STRANGERS);
  const mayHave = countConnections();
  return server;
};
