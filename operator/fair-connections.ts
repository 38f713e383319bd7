/**
 * Connections of those who nobody has vouched for: bounded, and shared among addresses. Everybody on the network of pods reaches these ports,
 * and whoever takes many connections must take them from himself.
 */
import type { Server } from 'node:https';
import type { Socket } from 'node:net';

export type ConnectionLimits = {
  readonly ofAnAddress: number;
  /** Of all together: with one more, the oldest of the address that has most ends. */
  readonly inAll: number;
};

type End = Pick<Socket, 'remoteAddress' | 'remotePort'>;

/** Bounds a server's connections. Returns how to say that the owner of one is known: it does not count any more. */
export const shareConnections = (server: Server, { ofAnAddress, inAll }: ConnectionLimits): ((end: End) => void) => {
  const addresses = new Map<string, Map<number, Socket>>();
  let all = 0;

  const forget = ({ remoteAddress: address = '', remotePort: port = 0 }: End): void => {
    const own = addresses.get(address);
    if (own?.delete(port) !== true) return;
    all--;
    if (own.size === 0) addresses.delete(address);
  };
  const largest = (): ReadonlyMap<number, Socket> => [...addresses.values()].reduce((most, own) => (own.size > most.size ? own : most));

  server.on('connection', (socket: Socket) => {
    const { remoteAddress: address = '', remotePort: port = 0 } = socket;
    const own = addresses.get(address) ?? new Map<number, Socket>();
    if (own.size >= ofAnAddress) {
      socket.destroy();
      return;
    }
    addresses.set(address, own.set(port, socket));
    all++;
    // Once it is closed it has no address any more.
    socket.once('close', () => forget({ remoteAddress: address, remotePort: port }));
    if (all <= inAll) return;
    const [[oldestPort, oldest] = []] = largest();
    if (oldest === undefined) return;
    forget({ remoteAddress: oldest.remoteAddress, remotePort: oldestPort });
    oldest.destroy();
  });
  return forget;
};
