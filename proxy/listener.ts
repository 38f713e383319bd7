/**
 * The door that agents knock on: a TCP listener that hands each connection to a session.
 */
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Address } from './config.ts';
import { type ServeOptions, serveClient } from './session/serve-client.ts';

export type Listener = {
  readonly address: AddressInfo;
  /** Stops accepting; what is open goes on. */
  readonly close: () => void;
};

/** Connections that the kernel keeps waiting while the process is busy. */
const BACKLOG = 511;

/** Listens, and rejects with the operating system's error when it cannot. */
export const listen = async ({ host, port }: Address, options: () => ServeOptions): Promise<Listener> => {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000, allowHalfOpen: false }, (socket) => {
    void serveClient(socket, options());
  });
  await started(server, host, port);
  // What goes wrong with one connection before it is ours is that connection's end, not the listener's.
  server.on('error', () => undefined);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the listener has no TCP address');
  return { address, close: () => void server.close() };
};

const started = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
