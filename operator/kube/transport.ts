/**
 * Requests to the API server over connections that are kept. Answers are streams: a watch has no end.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Access, Credentials, TlsMaterial } from './credentials.ts';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { KubeFailure } from './kube.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type TransportRequest = {
  readonly method: Method;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** From the call to the head of the answer. */
  readonly headMs: number;
  readonly guard: (() => void) | undefined;
  /** A watch: it has a connection to itself. */
  readonly stream: boolean;
};

export type Transport = {
  /** Resolves with the head of the answer, whatever its status. @throws KubeFailure of status 0 */
  readonly open: (request: TransportRequest) => Promise<IncomingMessage>;
  /** Closes idle connections. */
  readonly distrust: () => void;
  readonly forget: () => void;
  readonly close: () => void;
};

/** Requests at a time; further ones wait for a connection. */
const MOST_CONNECTIONS = 24;

/** A peer that is gone without a word is noticed 10 s later. */
const KEEP_ALIVE_MS = 15_000;

/** For the head of an answer over a connection that was idle. */
const REUSED_MS = 10_000;

type Agents = { readonly digest: string; readonly requests: Agent; readonly streams: Agent };

const agentsFor = (tls: TlsMaterial, digest: string): Agents => ({
  digest,
  requests: new Agent({ ...tls, keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxSockets: MOST_CONNECTIONS, scheduling: 'lifo' }),
  // Each watch begins with a new connection, and so finds its way to another API server when there are several.
  streams: new Agent({ ...tls, keepAlive: false }),
});

const digestOf = (tls: TlsMaterial): string => {
  const hash = createHash('sha256');
  for (const [name, value] of Object.entries(tls)) hash.update(name).update(Buffer.isBuffer(value) ? value : JSON.stringify(value));
  return hash.digest('hex');
};

const closeIdle = (agent: Agent): void => {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
};

/** Opens connections as `credentials` say. */
export const createTransport = (credentials: Credentials): Transport => {
  const { server } = credentials;
  const base = server.pathname.replace(/\/$/, '');
  const send = server.protocol === 'http:' ? httpRequest : httpsRequest;
  const connected = new WeakSet<Socket>();
  let agents: Agents | undefined;

  const agentOf = ({ tls, agent }: Access, stream: boolean): Agent | undefined => {
    if (agent !== undefined || server.protocol === 'http:') return agent;
    const digest = digestOf(tls);
    if (agents?.digest !== digest) {
      if (agents !== undefined) closeIdle(agents.requests);
      agents = agentsFor(tls, digest);
    }
    return stream ? agents.streams : agents.requests;
  };

  const open = async (request: TransportRequest): Promise<IncomingMessage> => {
    const access = await credentials.access();
    request.signal?.throwIfAborted();
    const agent = agentOf(access, request.stream);
    return await new Promise((resolve, reject) => {
      const outgoing = send({
        method: request.method,
        host: server.hostname.replace(/^\[|\]$/g, ''),
        port: server.port === '' ? undefined : Number(server.port),
        path: `${base}${request.path}`,
        headers: { ...access.headers, ...request.headers },
        ...(agent === undefined ? {} : { agent }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      const giveUp = (reason: string): void => {
        outgoing.destroy(new KubeFailure(0, reason, `the API server did not answer ${request.method} ${request.path} in time`));
      };
      // INVARIANT: guard and sending are one turn, on a connection that is ready. Time may pass before it, in which a leadership ends.
      const write = (): void => {
        try {
          request.guard?.();
          outgoing.end(request.body);
        } catch (error) {
          outgoing.destroy(error instanceof Error ? error : new Error(String(error)));
        }
      };
      let late = setTimeout(giveUp, request.headMs, 'Timeout');
      outgoing.once('socket', (socket) => {
        socket.setKeepAlive(true, KEEP_ALIVE_MS);
        // An agent that goes by a proxy connects by itself.
        if (access.agent === undefined && !connected.has(socket)) {
          socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
            connected.add(socket);
            write();
          });
          return;
        }
        write();
        // Whatever stands between may have forgotten a connection that was idle: there has to be time for another one.
        clearTimeout(late);
        late = setTimeout(giveUp, Math.min(REUSED_MS, request.headMs / 2), 'StaleConnection');
      });
      outgoing.once('response', (response) => {
        clearTimeout(late);
        resolve(response);
      });
      outgoing.on('error', (error) => {
        clearTimeout(late);
        reject(failureOf(error, outgoing.reusedSocket));
      });
    });
  };

  return {
    open,
    distrust: () => {
      if (agents !== undefined) closeIdle(agents.requests);
    },
    forget: credentials.forget,
    close: () => {
      agents?.requests.destroy();
      agents?.streams.destroy();
      agents = undefined;
    },
  };
};

/** Reasons of status 0: `Timeout`, `Aborted`, `StaleConnection` (the peer had closed it; nothing was answered), `Unreachable`. */
const failureOf = (error: Error & { readonly code?: string }, reused: boolean): KubeFailure => {
  if (error instanceof KubeFailure) return error;
  if (error.name === 'AbortError') return new KubeFailure(0, 'Aborted', 'the request was given up');
  const stale = reused && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
  return new KubeFailure(
    0,
    stale ? 'StaleConnection' : 'Unreachable',
    `could not reach the API server: ${error.message || (error.code ?? 'unknown')}`,
  );
};
