/**
 * Stands between the proxy and its server, and can run a statement in the server session of a client of the proxy's, behind the proxy's
 * back: what the suite sets up has to be done in the session itself, where it is about temporary objects, roles or an open transaction.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { RawFrame } from '../support/raw-client.ts';

type Link = { readonly server: Socket; take: ((chunk: Buffer) => void) | undefined };

export type Relay = {
  readonly port: number;
  /** Sends these bytes in the session of this application name, and resolves with the answer up to ReadyForQuery. */
  readonly inject: (application: string, bytes: Buffer, more: (frame: RawFrame) => Buffer | undefined) => Promise<RawFrame[]>;
  readonly stop: () => Promise<void>;
};

const applicationOf = (startup: Buffer): string | undefined => {
  const words = startup.toString('utf8', 8).split('\0');
  const at = words.indexOf('application_name');
  return at < 0 ? undefined : words[at + 1];
};

export const startRelay = async (serverPort: number): Promise<Relay> => {
  const links = new Map<string, Link>();
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (client) => {
    const server = connect({ port: serverPort, host: '127.0.0.1', noDelay: true });
    const link: Link = { server, take: undefined };
    let started = false;
    client.on('data', (chunk: Buffer) => {
      const application = started ? undefined : applicationOf(chunk);
      started = true;
      if (application !== undefined) links.set(application, link);
      server.write(chunk);
    });
    server.on('data', (chunk: Buffer) => {
      if (link.take !== undefined) link.take(chunk);
      else client.write(chunk);
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
        link.take?.(Buffer.alloc(0));
      });
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();

  const inject: Relay['inject'] = async (application, bytes, more) => {
    const link = links.get(application);
    if (link === undefined || link.server.destroyed) return [];
    const frames: RawFrame[] = [];
    let pending: Buffer = Buffer.alloc(0);
    await new Promise<void>((resolve) => {
      link.take = (chunk) => {
        if (link.server.destroyed) resolve();
        pending = Buffer.concat([pending, chunk]);
        while (pending.length >= 5) {
          const end = 1 + pending.readInt32BE(1);
          if (pending.length < end) break;
          const frame = { type: pending.toString('latin1', 0, 1), body: pending.subarray(5, end) };
          frames.push(frame);
          pending = pending.subarray(end);
          const answer = more(frame);
          if (answer !== undefined) link.server.write(answer);
          if (frame.type === 'Z') resolve();
        }
      };
      link.server.write(bytes);
    });
    link.take = undefined;
    return frames;
  };
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    listener.close();
    await once(listener, 'close');
  };
  return { port: typeof address === 'object' && address ? address.port : 0, inject, stop };
};
