/**
 * The HTTPS door for sidecars. Nothing is read, and no stream is made, before the API server has vouched for who asks.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import { CONTROL_PATHS, type PodIdentity, type SidecarReport } from '../../kernel/control.ts';
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

/** Connections of one address that nobody has vouched for yet. */
const MOST_STRANGERS = 128;

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

/** INVARIANT: whoever has no token cannot take the places of those who have. Returns how to say that a connection's owner is known. */
const boundStrangers = (server: Server): ((socket: Socket) => void) => {
  const strangers = new Map<string, Set<number>>();
  const forget = (address = '', port = 0): void => {
    const ports = strangers.get(address);
    ports?.delete(port);
    if (ports?.size === 0) strangers.delete(address);
  };
  server.on('connection', (socket: Socket) => {
    const { remoteAddress: address = '', remotePort: port = 0 } = socket;
    const ports = strangers.get(address) ?? new Set<number>();
    if (ports.size >= MOST_STRANGERS) {
      socket.destroy();
      return;
    }
    strangers.set(address, ports.add(port));
    socket.once('close', () => forget(address, port));
  });
  return ({ remoteAddress, remotePort }) => forget(remoteAddress, remotePort);
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
    const who: Authenticated = await options.authenticate(tokenOf(request), streams);
    if (who.type !== 'Pod') {
      refuse(response, who.type, who.type === 'Unauthorized' ? 'The token is not valid.' : 'The API server could not be asked.');
      return;
    }
    const admitted = await options.admit(who.identity, request.socket.remoteAddress ?? '');
    if (admitted.type !== 'Agent') {
      refuse(response, admitted.type, admitted.type === 'Forbidden' ? admitted.reason : 'The pod is not known yet.');
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
  const isKnown = boundStrangers(server);
  return server;
};
