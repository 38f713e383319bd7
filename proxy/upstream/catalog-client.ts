/**
 * The proxy's own session for reading the catalog, under the role of the agents' sessions. It reconnects by itself when it is lost.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Connection as PgConnection } from 'pg';
import { because, Failure, upstreamLost, upstreamUnreachable } from '../../kernel/failure.ts';
import type { Connection } from '../../kernel/policy.ts';
import { openSession } from './connect.ts';

/** Statements run one after the other; rows come as node-postgres parses them. Rejects with Failure only, whose `cause` is the database's error. */
export type CatalogClient = {
  /** Rows as objects. */
  readonly query: <Row extends object>(sql: string, parameters?: readonly unknown[]) => Promise<readonly Row[]>;
  /** Several statements in one go, each with its rows as objects: one round trip, and one session for them all. */
  readonly queryAll: (texts: readonly string[]) => Promise<readonly (readonly object[])[]>;
  /** Rows as arrays. */
  readonly queryArrays: <Row extends readonly unknown[]>(sql: string, parameters?: readonly unknown[]) => Promise<readonly Row[]>;
  /** The session was lost: what was read may be out of date. Each listener is told every time. */
  readonly onLost: (listener: (failure: Failure) => void) => void;
  readonly end: () => Promise<void>;
};

/** How the session reads. */
export type CatalogOptions = {
  /** `PgCatalog` (the default): names mean PostgreSQL's own, whatever an agent has created. `SessionDefault`: as an agent's session starts. */
  readonly searchPath?: 'PgCatalog' | 'SessionDefault';
  readonly statementTimeoutMs?: number;
  /** For connecting. */
  readonly timeoutMs?: number;
};

/** Grace for the answer of a server that ends its statement in time. */
const ANSWER_GRACE_MS = 5_000;
/** Statements of one text that may each take as long as one alone. */
const MOST_TURNS = 6;
/** How long a server may take to close after Terminate. */
const GOODBYE_MS = 2_000;
const BACKOFF_MS = { first: 100, most: 1_000 } as const;

/** Connects, and rejects when that fails; later losses are mended in the background. */
export const openCatalogClient = async (connection: Connection, options: CatalogOptions = {}): Promise<CatalogClient> => {
  const { searchPath = 'PgCatalog', statementTimeoutMs = 10_000, timeoutMs = 10_000 } = options;
  const listeners: ((failure: Failure) => void)[] = [];
  let client: Client | undefined;
  let connecting: Promise<Client> | undefined;
  let tail: Promise<unknown> = Promise.resolve();
  let delay = 0;
  const closing = new AbortController();

  const connect = async (): Promise<Client> => {
    // Not for the first attempt: a program that does nothing but wait for it would end there.
    if (delay > 0) await sleep(delay, undefined, { signal: closing.signal, ref: false });
    delay = Math.min(Math.max(delay * 2, BACKOFF_MS.first), BACKOFF_MS.most);
    const next = await openClient(connection, timeoutMs, closing.signal);
    let lost = false;
    next.once('end', () => {
      lost = true;
      lose(next);
    });
    try {
      await next.query(settings(searchPath, statementTimeoutMs));
      closing.signal.throwIfAborted();
      if (lost) throw upstreamLost();
    } catch (error) {
      destroy(next);
      throw error;
    }
    delay = 0;
    client = next;
    return next;
  };

  const connected = (): Promise<Client> => {
    if (client !== undefined) return Promise.resolve(client);
    connecting ??= connect().finally(() => {
      connecting = undefined;
    });
    return connecting;
  };

  const lose = (lost: Client): void => {
    if (client !== lost) return;
    client = undefined;
    if (closing.signal.aborted) return;
    for (const listener of listeners) listener(upstreamLost());
    void mend();
  };

  const mend = async (): Promise<void> => {
    while (client === undefined && !closing.signal.aborted) await connected().catch(() => undefined);
  };

  /** `statements`: how many may take their time one after the other. */
  const answer = async <Result>(ask: (current: Client) => Promise<Result>, statements = 1): Promise<Result> => {
    const current = await connected().catch((error: unknown) => {
      throw asFailure(error);
    });
    // A server that has vanished without a word never answers, not even with its own timeout.
    const overdue = setTimeout(() => destroy(current), Math.min(statements, MOST_TURNS) * statementTimeoutMs + ANSWER_GRACE_MS);
    try {
      return await ask(current);
    } catch (error) {
      throw asFailure(error);
    } finally {
      clearTimeout(overdue);
    }
  };

  const run = async <T>(sql: string, parameters: readonly unknown[], rowMode: 'array' | undefined): Promise<readonly T[]> => {
    const query = { text: sql, values: [...parameters], ...(rowMode === undefined ? {} : { rowMode }) };
    const { rows } = await answer((current) => current.query(query as { text: string; values: unknown[] }));
    return rows as T[];
  };

  const runAll = async (texts: readonly string[]): Promise<readonly (readonly object[])[]> => {
    // node-postgres gives a list of results where there are several.
    const results = (await answer((current) => current.query(texts.join(';\n')), texts.length)) as unknown as readonly {
      readonly rows: object[];
    }[];
    return results.map(({ rows }) => rows);
  };

  /** node-postgres is about to drop its own queue. */
  const inTurn = <T>(statement: () => Promise<T>): Promise<T> => {
    const turn = tail.then(statement);
    tail = turn.catch(() => undefined);
    return turn;
  };

  await connected().catch((error: unknown) => {
    throw asFailure(error);
  });
  return {
    query: (sql, parameters = []) => inTurn(() => run(sql, parameters, undefined)),
    queryAll: (texts) => inTurn(() => runAll(texts)),
    queryArrays: (sql, parameters = []) => inTurn(() => run(sql, parameters, 'array')),
    onLost: (listener) => void listeners.push(listener),
    end: async () => {
      closing.abort(upstreamUnreachable('The catalog session was ended.'));
      if (client === undefined) return;
      const leaving = client;
      const overdue = setTimeout(() => destroy(leaving), GOODBYE_MS);
      await leaving.end().catch(() => undefined);
      clearTimeout(overdue);
    },
  };
};

/** A node-postgres client on a session that is started already, so that TLS and log-in follow one set of rules, ours. */
const openClient = async (connection: Connection, timeoutMs: number, signal: AbortSignal): Promise<Client> => {
  // Loaded when first needed: most of a sidecar's start-up time is loading code.
  const { default: pg } = await import('pg');
  const { channel } = await openSession({ connection, parameters: { application_name: 'pg-airlock catalog' }, timeoutMs, signal });
  const { socket } = channel;
  const started = new pg.Connection({ stream: () => socket }) as StartableConnection;
  started.connect = () => {
    // Without it node-postgres takes the connection for one that never began, and its `end` does nothing.
    started._connecting = true;
    socket.on('error', (error) => started.emit('error', error));
    socket.on('close', () => started.emit('end'));
    started.attachListeners(socket);
    // node-postgres listens only once `connect` has returned.
    process.nextTick(() => started.emit('readyForQuery', { status: 'I' }));
  };
  const client = new pg.Client({ connection: started } as ConstructorParameters<typeof pg.Client>[0]);
  // The loss shows as `end`; without a listener the error would end the process.
  client.on('error', () => {});
  await client.connect();
  return client;
};

/** What of node-postgres' connection its types leave out. */
type StartableConnection = PgConnection & {
  connect: (port?: number, host?: string) => void;
  _connecting: boolean;
  attachListeners: (stream: unknown) => void;
};

const destroy = (client: Client): void => void client.connection.stream.destroy();

const settings = (searchPath: CatalogOptions['searchPath'], statementTimeoutMs: number): string =>
  [
    `SET statement_timeout = ${Math.ceil(statementTimeoutMs)}`,
    'SET default_transaction_read_only = on',
    ...(searchPath === 'SessionDefault' ? [] : ['SET search_path = pg_catalog']),
  ].join('; ');

const asFailure = (error: unknown): Failure =>
  error instanceof Failure ? error : because(upstreamUnreachable('The catalog of the database could not be read.'), error);
