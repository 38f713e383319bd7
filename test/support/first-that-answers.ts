/**
 * A Service in miniature: a TCP door to the first of several ports that accepts.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type Door = { readonly port: number; readonly close: () => Promise<void> };

/** Each connection goes to the first of `targets` (ports of 127.0.0.1, asked anew each time) that takes it. */
export const openDoor = async (targets: () => readonly number[]): Promise<Door> => {
  const sockets = new Set<Socket>();
  // Without delay, as programs have their own connections: a write would else wait 40 ms for the last one's acknowledgement.
  const server = createServer({ noDelay: true }, (inner) => {
    sockets.add(inner);
    inner.once('close', () => sockets.delete(inner));
    inner.on('error', () => undefined);
    const attempt = ([port, ...others]: readonly number[]): void => {
      if (port === undefined) {
        inner.destroy();
        return;
      }
      const outer = connect({ port, host: '127.0.0.1', noDelay: true });
      const next = (): void => attempt(others);
      outer.once('error', next);
      outer.once('connect', () => {
        outer.off('error', next);
        outer.on('error', () => inner.destroy());
        inner.once('close', () => outer.destroy());
        outer.once('close', () => inner.destroy());
        inner.pipe(outer);
        outer.pipe(inner);
      });
    };
    attempt(targets());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
};
