/**
 * The webhook server. Things start here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ServerOptions, createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Certificates, ServedCertificate } from '../certificates/certificates.ts';
import type { Address, OperatorConfig } from '../config.ts';
import { shareConnections } from '../fair-connections.ts';
import type { SidecarSettings } from '../specs/sidecar.ts';
import { type AdmissionOutcome, type Routes, answerReview } from './answer-review.ts';
import { judgeManifest } from './judge-manifest.ts';
import { judgePod } from './judge-pod.ts';
import { bodyReader } from './read-body.ts';

export type StartAdmissionOptions = {
  readonly listen: Address;
  readonly certificates: Pick<Certificates, 'current' | 'onChange'>;
  readonly settings: SidecarSettings;
  readonly connections: OperatorConfig['connections'];
  readonly log: Logger;
  /** Told of each request that was answered. */
  readonly observe?: (path: string, outcome: AdmissionOutcome, seconds: number) => void;
};

export type Admission = {
  /** Where it listens; the port that was chosen where 0 was asked for. */
  readonly address: Address;
  /** Answers what it has begun to, then ends its connections. */
  readonly stop: () => Promise<void>;
};

const SECOND = 1000;

/** The API server waits 5 s at most; it keeps idle connections for 90 s and must be the one to end them. */
const LIMITS = {
  handshakeTimeout: 10 * SECOND,
  headersTimeout: 5 * SECOND,
  requestTimeout: 10 * SECOND,
  connectionsCheckingInterval: SECOND,
  keepAliveTimeout: 120 * SECOND,
  maxHeaderSize: 16 * 1024,
} as const satisfies ServerOptions;
const IDLE = 150 * SECOND;
/** An API server has some hundreds of requests under way at most. Others have no business here, and nothing keeps them out. */
const CONNECTIONS = { ofAnAddress: 1_000, inAll: 3_000 };
const GRACE = 10 * SECOND;

const secureContext = ({ key, cert }: ServedCertificate) => ({ key, cert, minVersion: 'TLSv1.2' as const });

/** Starts to listen. @throws if the address cannot be listened on */
export const startAdmission = async (options: StartAdmissionOptions): Promise<Admission> => {
  const { listen, certificates, settings, connections, log, observe } = options;
  const routes: Routes = new Map([
    ['/mutate-pods', (request) => judgePod(request, settings)],
    ['/validate', (request) => judgeManifest(request, connections)],
  ]);
  const readBody = bodyReader();

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const begin = performance.now();
    const answer = await answerReview(request, routes, readBody, log);
    if (answer === undefined) return;
    response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) });
    response.end(answer.body);
    const path = [...routes.keys()].find((route) => request.url?.startsWith(route) === true);
    observe?.(path ?? 'other', answer.outcome, (performance.now() - begin) / SECOND);
  };

  const server = createServer({ ...LIMITS, ...secureContext(certificates.current()) }, (request, response) => {
    serve(request, response).catch((error: unknown) => {
      log.error({ err: error }, 'could not answer a webhook call');
      response.destroy();
    });
  });
  server.timeout = IDLE;
  shareConnections(server, CONNECTIONS);
  // Scanners, health checks of load balancers and clients of an older authority: not worth more than this.
  server.on('tlsClientError', (error) => log.debug({ err: error }, 'a TLS handshake failed'));
  const forget = certificates.onChange((certificate) => server.setSecureContext(secureContext(certificate)));

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  server.on('error', (error) => log.error({ err: error }, 'the webhook server failed'));
  const { port } = server.address() as AddressInfo;
  log.info({ host: listen.host, port }, 'webhook listens');

  const stop = async (): Promise<void> => {
    forget();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    const impatience = setTimeout(() => server.closeAllConnections(), GRACE);
    await closed;
    clearTimeout(impatience);
  };
  return { address: { host: listen.host, port }, stop };
};
