/** The HTTP door for operators: `/metrics`, `/healthz`, `/readyz`. It changes nothing, and knows nothing of SQL. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One thing that has to be so before the proxy can serve. */
export type ReadinessCheck = { readonly name: string; readonly ready: boolean; readonly detail: string };

export type MetricsServerOptions = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly render: () => Promise<string>;
  readonly contentType: string;
  readonly readiness: () => readonly ReadinessCheck[] | Promise<readonly ReadinessCheck[]>;
};

export type MetricsServer = { readonly address: AddressInfo; readonly close: () => Promise<void> };

type Answer = { readonly status: number; readonly type?: string; readonly body: string; readonly allow?: string };

const TEXT = 'text/plain; charset=utf-8';

const readinessAnswer = (checks: readonly ReadinessCheck[]): Answer => {
  const lines = checks.map(({ name, ready, detail }) => `${ready ? 'ready' : 'not ready'}: ${name}${detail === '' ? '' : `: ${detail}`}\n`);
  return { status: checks.every(({ ready }) => ready) ? 200 : 503, body: lines.join('') };
};

const answerTo = async (request: IncomingMessage, options: MetricsServerOptions): Promise<Answer> => {
  const path = (request.url ?? '').split('?', 1)[0];
  const known = path === '/metrics' || path === '/healthz' || path === '/readyz';
  if (!known) return { status: 404, body: 'Here are /metrics, /healthz and /readyz.\n' };
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, body: 'Only GET and HEAD.\n', allow: 'GET, HEAD' };
  if (path === '/healthz') return { status: 200, body: 'ok\n' };
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

/** Listens; rejects where the address cannot be had. */
export const startMetricsServer = (options: MetricsServerOptions): Promise<MetricsServer> => {
  const server = createServer({ maxHeaderSize: 8 * 1024, requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 });
  server.maxConnections = 64;
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
