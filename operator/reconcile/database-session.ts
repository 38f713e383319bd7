/**
 * One short session with a database, under the same rules of TLS and log-in as the proxy's: to look, never to change.
 */
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, type ConnectionOptions, getCACertificates } from 'node:tls';
import pg from 'pg';
import type { Connection } from '../../kernel/policy.ts';
import type { ReachOutcome } from '../specs/reachable.ts';
import { createMessageGuard, type GuardRefusal } from './message-guard.ts';

/** Asks the database one thing; one statement, never several. */
export type AskDatabase = <Row>(sql: string, parameters?: readonly unknown[]) => Promise<readonly Row[]>;

/** The log-in failed, or the session was lost. */
export class DatabaseFailure extends Error {
  readonly outcome: Extract<ReachOutcome, { readonly type: 'Failed' }>;

  constructor(code: string, said?: string) {
    super(said === undefined ? code : `${code}: ${said}`);
    this.name = 'DatabaseFailure';
    this.outcome = { type: 'Failed', code, said };
  }
}

/** Whether the server has judged a statement, rather than lost it or run out of time or locks for it. */
export const isRefusal = (error: unknown): error is Error =>
  error instanceof pg.DatabaseError && !/^(?:08|53|55|57|58|XX)/.test(error.code ?? '');

export type SessionLimits = {
  /** For name resolution, TCP, TLS and log-in together. */
  readonly loginMs: number;
  /** For the session as a whole. */
  readonly sessionMs: number;
  /** Ends it at once. */
  readonly signal?: AbortSignal;
};

const SETTINGS = [
  "SET default_transaction_read_only = 'on'",
  // PostgreSQL's own names only, whatever stands in the database's schemas.
  'SET search_path = pg_catalog',
  "SET lock_timeout = '2s'",
  "SET statement_timeout = '8s'",
];

const tlsOf = ({ tls, host }: Connection): ConnectionOptions | false => {
  if (tls.mode === 'Disable') return false;
  const common: ConnectionOptions = {
    ca: tls.ca ?? [...new Set([...getCACertificates('system'), ...getCACertificates('default')])],
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['postgresql'],
    ...(isIP(host) === 0 ? { servername: host } : {}),
  };
  switch (tls.mode) {
    case 'Require':
      return { ...common, rejectUnauthorized: false };
    case 'VerifyCA':
      return { ...common, rejectUnauthorized: true, checkServerIdentity: () => undefined };
    case 'VerifyFull':
      return {
        ...common,
        rejectUnauthorized: true,
        checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
      };
    default:
      return tls.mode satisfies never;
  }
};

/** What node-postgres says where it has no code. */
const SAID: readonly (readonly [RegExp, string])[] = [
  [/does not support SSL/, 'NoTls'],
  [/establishing an SSL/, 'NotPostgres'],
  [/timeout expired/, 'Timeout'],
  [/Connection terminated/, 'ECONNRESET'],
  [/SCRAM-SERVER-FINAL-MESSAGE/, 'ServerNotProven'],
  [/^SASL:/, 'NotPostgres'],
];

const textOf = (error: unknown): string => (error instanceof Error ? error.message : '');

const codeOf = (error: unknown): string => {
  const { code } = error as { readonly code?: unknown };
  if (typeof code === 'string') return code;
  // Addresses that were tried one after the other.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return SAID.find(([pattern]) => pattern.test(textOf(error)))?.[1] ?? '';
};

/** What of node-postgres' connection its types leave out. */
type GuardedConnection = {
  attachListeners: (stream: unknown) => void;
  readonly emit: (event: 'error', error: Error) => void;
};

/** INVARIANT: nothing reaches node-postgres' parser but what the guard lets pass; the server may be anybody's. */
const guard = (connection: GuardedConnection): void => {
  const attach = connection.attachListeners.bind(connection);
  connection.attachListeners = (attached) => {
    const stream = attached as Socket;
    const on = (event: string, listener: (...values: never[]) => void): void => {
      if (event !== 'data') {
        stream.on(event, listener as (...values: unknown[]) => void);
        return;
      }
      const refuse = (code: GuardRefusal): void => {
        connection.emit('error', Object.assign(new Error('the server is not listened to any longer'), { code }));
        stream.destroy();
      };
      stream.on('data', createMessageGuard(listener as unknown as (message: Buffer) => void, refuse));
    };
    attach({ on });
  };
};

/** Logs in, lets `look` ask, and logs out. @throws DatabaseFailure where the database could not be reached or was lost. */
export const withDatabase = async <T>(
  connection: Connection,
  limits: SessionLimits,
  look: (ask: AskDatabase) => Promise<T>,
): Promise<T> => {
  const { host, port, database, username } = connection;
  const password = new TextDecoder().decode(connection.password);
  let inClear = false;
  const client = new pg.Client({
    host,
    port,
    database,
    user: username,
    password: () => {
      // INVARIANT: as the proxy, for whoever listens or poses as the database would have it.
      if (inClear && connection.tls.mode !== 'VerifyFull' && (connection.tls.mode !== 'VerifyCA' || connection.tls.ca === undefined)) {
        throw Object.assign(new Error('the password is asked for in clear text'), { code: 'CleartextPassword' });
      }
      return password;
    },
    ssl: tlsOf(connection),
    enableChannelBinding: true,
    scramMaxIterations: 1_000_000,
    // All values are texts: parsers of types are for servers that one trusts.
    types: { getTypeParser: () => (value: unknown) => value },
    application_name: 'pg-airlock operator',
    connectionTimeoutMillis: limits.loginMs,
    keepAlive: false,
  } as pg.ClientConfig);
  guard(client.connection as unknown as GuardedConnection);
  client.connection.on('authenticationCleartextPassword', () => {
    inClear = true;
  });
  // The loss shows in what is asked; without a listener it would end the process.
  client.on('error', () => {});
  let overdue = false;
  const destroy = (): void => void client.connection.stream.destroy();
  limits.signal?.addEventListener('abort', destroy, { once: true });
  const deadline = setTimeout(() => {
    overdue = true;
    destroy();
  }, limits.sessionMs);

  const failure = (error: unknown): DatabaseFailure => {
    if (error instanceof DatabaseFailure) return error;
    const code = overdue ? 'Timeout' : codeOf(error);
    // The server's words, and not Node's: they name no addresses. A server that was told the password could repeat it.
    const said = error instanceof pg.DatabaseError ? error.message : undefined;
    return new DatabaseFailure(code, password === '' ? said : said?.replaceAll(password, '***'));
  };

  try {
    if (limits.signal?.aborted === true) throw new DatabaseFailure('Aborted');
    await client.connect();
    const ask: AskDatabase = async <Row>(text: string, parameters: readonly unknown[] = []) => {
      // The extended protocol takes one statement at a time.
      const { rows } = await client.query({ text, values: [...parameters], queryMode: 'extended' } as pg.QueryConfig);
      return rows as Row[];
    };
    for (const setting of SETTINGS) await ask(setting);
    return await look(ask);
  } catch (error) {
    throw failure(error);
  } finally {
    limits.signal?.removeEventListener('abort', destroy);
    clearTimeout(deadline);
    void client.end().catch(() => undefined);
    // Whoever does not answer to the good-bye is not waited for.
    setTimeout(destroy, 1_000).unref();
  }
};
