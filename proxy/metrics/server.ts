/** The HTTP door for operators: `/metrics`, `/healthz`, `/startupz`, `/readyz`. It changes nothing, and knows nothing of SQL. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';

/** One thing that has to be so before the proxy can serve. */
export type ReadinessCheck = { readonly name: string; readonly ready: boolean; readonly detail: string };

export type MetricsServerOptions = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly render: () => Promise<string>;
  readonly contentType: string;
  /** What has to be so once. */
  readonly startup: () => readonly ReadinessCheck[];
  readonly readiness: () => readonly ReadinessCheck[] | Promise<readonly ReadinessCheck[]>;
};

export type MetricsServer = { readonly address: AddressInfo; readonly close: () => Promise<void> };

type Answer = { readonly status: number; readonly type?: string; readonly body: string; readonly allow?: string };

const PATHS: ReadonlySet<string> = new Set(['/metrics', '/healthz', '/startupz', '/readyz']);

const TEXT = 'text/plain; charset=utf-8';

const readinessAnswer = (checks: readonly ReadinessCheck[]): Answer => {
  const lines = checks.map(({ name, ready, detail }) => `${ready ? 'ready' : 'not ready'}: ${name}${detail === '' ? '' : `: ${detail}`}\n`);
  return { status: checks.every(({ ready }) => ready) ? 200 : 503, body: lines.join('') };
};

const answerTo = async (request: IncomingMessage, options: MetricsServerOptions): Promise<Answer> => {
  const path = (request.url ?? '').split('?', 1)[0];
  if (!PATHS.has(path ?? '')) return { status: 404, body: 'Here are /metrics, /healthz, /startupz and /readyz.\n' };
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, body: 'Only GET and HEAD.\n', allow: 'GET, HEAD' };
  if (path === '/healthz') return { status: 200, body: 'ok\n' };
  if (path === '/startupz') return readinessAnswer(options.startup());
  if (path === '/readyz') return readinessAnswer(await options.readiness());
  return { status: 200, type: options.contentType, body: await options.render() };
};

const write = (response: ServerResponse, { status, type = TEXT, body, allow }: Answer): void => {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(allow === undefined ? {} : { allow }),
  });
  // Node leaves the body out where the method is HEAD.
  response.end(body);
};

/** Connections at a time, and how many of them processes of the same machine or pod may have. */
const CONNECTIONS = 64;
const OWN_CONNECTIONS = 16;

/** Whether whoever connects shares our network: another container of the pod, which an agent may have taken over. */
const isNeighbour = (remote: string): boolean =>
  /^(::ffff:)?127\.|^::1$/.test(remote) ||
  Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => remote === address || remote === `::ffff:${address}`),
  );

/** INVARIANT: an agent beside us cannot take all connections, and so neither hide the metrics nor have the kubelet's probes fail. */
const keepFromNeighbours = (server: Server): void => {
  let neighbours = 0;
  server.on('connection', (socket: Socket) => {
    if (!isNeighbour(socket.remoteAddress ?? '')) return;
    if (neighbours >= OWN_CONNECTIONS) {
      socket.destroy();
      return;
    }
    neighbours++;
    socket.once('close', () => neighbours--);
  });
};

/** At most one rendering at a time: who asks meanwhile gets the same. */
const shared = (render: () => Promise<string>): (() => Promise<string>) => {
  let rendering: Promise<string> | undefined;
  return () =>
    (rendering ??= render().finally(() => {
      rendering = undefined;
    }));
};

/** Listens; rejects where the address cannot be had. */
export const startMetricsServer = (given: MetricsServerOptions): Promise<MetricsServer> => {
  const options = { ...given, render: shared(given.render) };
  const server = createServer({ maxHeaderSize: 8 * 1024, requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 });
  server.maxConnections = CONNECTIONS;
  keepFromNeighbours(server);
  server.setTimeout(30_000);
  server.on('request', (request, response) => {
    request.resume();
    answerTo(request, options).then(
      (answer) => write(response, answer),
      () => write(response, { status: 500, body: 'Could not answer; the log may tell why.\n' }),
    );
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve({ address: server.address() as AddressInfo, close });
    });
  });
};
