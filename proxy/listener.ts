/**
 * The door that agents knock on: a TCP listener that hands each connection to a session.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Address } from './config.ts';
import { Failure } from '../kernel/failure.ts';
import type { Doorkeeper } from './session/doorkeeper.ts';
import { type ServeOptions, serveClient } from './session/serve-client.ts';
import { encodeFailure } from './wire/error-response.ts';

export type Listener = {
  readonly address: AddressInfo;
  /** Stops accepting; what is open goes on. */
  readonly close: () => void;
  /** Bytes that came from agents since the last call. */
  readonly received: () => number;
};

/** Connections that the kernel keeps waiting while the process is busy. */
const BACKLOG = 511;

/** Connections that are told why they are turned away at the same time; more are closed without a word. */
const TURNED_AWAY = 128;

/** Milliseconds that they have to read it. */
const TURNED_AWAY_MS = 1_000;

/** What becomes of connections before they are sessions. */
export type ListenOptions = {
  readonly serve: () => ServeOptions;
  readonly doorkeeper: Doorkeeper;
  /** Told of each connection that is turned away; without a failure where nothing was said. */
  readonly turnedAway: (failure: Failure | undefined) => void;
};

/** Listens, and rejects with the operating system's error when it cannot. */
export const listen = async ({ host, port }: Address, { serve, doorkeeper, turnedAway }: ListenOptions): Promise<Listener> => {
  const open = new Set<Socket>();
  let gone = 0;
  let told = 0;
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000, allowHalfOpen: false }, (socket) => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      gone += socket.bytesRead;
    });
    const visitor = doorkeeper.arrive((failure) => turnAway(socket, failure));
    if (visitor instanceof Failure) {
      turnedAway(visitor);
      turnAway(socket, visitor);
      return;
    }
    void serveClient(socket, serve(), visitor).finally(visitor.leave);
  });
  server.maxConnections = doorkeeper.capacity + TURNED_AWAY;
  server.on('drop', () => turnedAway(undefined));
  const received = (): number => {
    let total = gone;
    for (const socket of open) total += socket.bytesRead;
    const news = total - told;
    told = total;
    return news;
  };
  await started(server, host, port);
  // What goes wrong with one connection before it is ours is that connection's end, not the listener's.
  server.on('error', () => undefined);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the listener has no TCP address');
  return { address, close: () => void server.close(), received };
};

/** Says why, and waits a moment for the client to read it: what it sends meanwhile must not reset the connection. */
const turnAway = (socket: Socket, failure: Failure): void => {
  socket.on('error', () => undefined);
  socket.end(encodeFailure(failure.fields));
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), TURNED_AWAY_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
};

const started = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
