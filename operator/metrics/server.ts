/**
 * /metrics, /healthz and /readyz over plain HTTP.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Address } from '../config.ts';

/** One thing that has to be so before the operator is of use. */
export type ReadinessCheck = { readonly name: string; readonly ready: boolean; readonly detail: string };

export type MetricsServerOptions = {
  readonly listen: Address;
  readonly render: () => Promise<string>;
  readonly contentType: string;
  readonly readiness: () => readonly ReadinessCheck[];
};

export type MetricsServer = { readonly address: Address; readonly stop: () => Promise<void> };

type Answer = { readonly status: number; readonly type?: string; readonly body: string };

const readinessAnswer = (checks: readonly ReadinessCheck[]): Answer => ({
  status: checks.every(({ ready }) => ready) ? 200 : 503,
  body: checks
    .map(({ name, ready, detail }) => `${ready ? 'ready' : 'not ready'}: ${name}${detail === '' ? '' : `: ${detail}`}\n`)
    .join(''),
});

const answerTo = async ({ method, url = '' }: IncomingMessage, options: MetricsServerOptions): Promise<Answer> => {
  const [path] = url.split('?', 1);
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: 'Only GET and HEAD.\n' };
  switch (path) {
    case '/healthz':
      return { status: 200, body: 'ok\n' };
    case '/readyz':
      return readinessAnswer(options.readiness());
    case '/metrics':
      return { status: 200, type: options.contentType, body: await options.render() };
    default:
      return { status: 404, body: 'Here are /metrics, /healthz and /readyz.\n' };
  }
};

const write = (response: ServerResponse, { status, type = 'text/plain; charset=utf-8', body }: Answer): void => {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
};

/** Listens; rejects where the address cannot be had. */
export const startMetricsServer = (options: MetricsServerOptions): Promise<MetricsServer> => {
  const { host, port } = options.listen;
  const server = createServer({ maxHeaderSize: 8 * 1024, requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000 });
  server.maxConnections = 64;
  server.setTimeout(30_000);
  server.on('request', (request, response) => {
    request.resume();
    answerTo(request, options).then(
      (answer) => write(response, answer),
      () => write(response, { status: 500, body: 'Could not answer.\n' }),
    );
  });
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve({ address: { host, port: (server.address() as AddressInfo).port }, stop });
    });
  });
};
