/**
 * An operator that says what a test tells it to, over TLS of its own authority.
 */
import type { AddressInfo } from 'node:net';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import { type ControlMessage, CONTROL_PATHS, REPLICA_HEADER, type SidecarReport } from '../../kernel/control.ts';
import { type Authority, createAuthority } from '../support/certificates.ts';

export type ScriptedOperator = {
  readonly url: string;
  readonly authority: Authority;
  /** What streams begin with, and what they get later. */
  readonly say: (...messages: readonly ControlMessage[]) => void;
  /** Raw text to all streams. */
  readonly write: (text: string) => void;
  /** Answers with this status instead of 200 from now on; with the body where that is given. */
  readonly refuse: (status: number, body?: string) => void;
  /** The same, and its answers never end. */
  readonly stall: (status: number) => void;
  /** Ends all streams in order, or by breaking the connection. */
  readonly end: (how: 'Closed' | 'Broken') => void;
  /** Tokens that were shown, one for each request. */
  readonly tokens: readonly string[];
  readonly reports: readonly SidecarReport[];
  readonly streams: () => number;
  readonly stop: () => Promise<void>;
};

export type ScriptedOptions = {
  readonly authority?: Authority;
  /** What the certificate is for; 127.0.0.1 unless told. */
  readonly names?: readonly string[];
  readonly expired?: boolean;
  readonly tls?: ServerOptions;
  readonly port?: number;
  /** An address of loopback; 127.0.0.1 unless told. */
  readonly host?: string;
  /** What it says to be at, `HOST:PORT`. */
  readonly replica?: string;
};

/** Starts it on a free port. It has nothing to say at first. */
export const startScriptedOperator = async (options: ScriptedOptions = {}): Promise<ScriptedOperator> => {
  const host = options.host ?? '127.0.0.1';
  const authority = options.authority ?? (await createAuthority());
  const certificate = await authority.issue(options.names ?? ['127.0.0.1'], { expired: options.expired ?? false });
  const streams = new Set<ServerResponse>();
  const tokens: string[] = [];
  const reports: SidecarReport[] = [];
  let opening: readonly ControlMessage[] = [];
  let refusal: { readonly status: number; readonly body: string | undefined } | undefined;

  const lines = (messages: readonly ControlMessage[]): string => messages.map((message) => `${JSON.stringify(message)}\n`).join('');
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    tokens.push(/^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1] ?? '');
    let body = '';
    for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) body += chunk;
    if (refusal !== undefined) {
      response.writeHead(refusal.status);
      if (refusal.body === undefined) response.flushHeaders();
      else response.end(refusal.body);
      return;
    }
    if (request.url === CONTROL_PATHS.report) {
      reports.push(JSON.parse(body) as SidecarReport);
      response.writeHead(204).end();
      return;
    }
    streams.add(response);
    response.once('close', () => streams.delete(response));
    const replica = options.replica === undefined ? {} : { [REPLICA_HEADER]: options.replica };
    response.writeHead(200, { 'content-type': 'application/x-ndjson', ...replica });
    response.write(lines(opening));
  };
  const server = createServer({ ...certificate, ...options.tls }, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  return {
    url: `https://${host}:${(server.address() as AddressInfo).port}`,
    authority,
    say: (...messages) => {
      refusal = undefined;
      opening = messages;
      for (const stream of streams) stream.write(lines(messages));
    },
    write: (text) => {
      for (const stream of streams) stream.write(text);
    },
    refuse: (status, body = '') => {
      refusal = { status, body };
    },
    stall: (status) => {
      refusal = { status, body: undefined };
    },
    end: (how) => {
      for (const stream of streams) {
        if (how === 'Closed') stream.end();
        else stream.socket?.destroy();
      }
    },
    tokens,
    reports,
    streams: () => streams.size,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
