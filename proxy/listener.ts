/**
 * The door that agents knock on: a TCP listener that hands each connection to a session.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Address } from './config.ts';
import { type ServeOptions, serveClient } from './session/serve-client.ts';

export type Listener = {
  readonly address: AddressInfo;
  /** Stops accepting; what is open goes on. */
  readonly close: () => void;
  /** Bytes that came from agents since the last call. */
  readonly received: () => number;
};

/** Connections that the kernel keeps waiting while the process is busy. */
const BACKLOG = 511;

/** Listens, and rejects with the operating system's error when it cannot. */
export const listen = async ({ host, port }: Address, options: () => ServeOptions): Promise<Listener> => {
  const open = new Set<Socket>();
  let gone = 0;
  let told = 0;
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000, allowHalfOpen: false }, (socket) => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      gone += socket.bytesRead;
    });
    void serveClient(socket, options());
  });
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

const started = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
