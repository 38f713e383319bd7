/**
 * A client that asks and counts bytes, and does nothing else: what a result costs on the way is measured, not what reading it costs.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { send } from '../test/support/raw-client.ts';
import { DATABASE } from './database.ts';
import type { Server } from './servers.ts';

const BUFFER_BYTES = 256 * 1024;
/** ReadyForQuery, idle: nothing else ends a result. */
const READY = Buffer.from('Z\0\0\0\u0005I', 'latin1');

export type RawReader = {
  /** Resolves with the bytes of the answer, once it is whole. Rejects where it begins with an error. */
  readonly ask: (sql: string) => Promise<number>;
  readonly close: () => void;
};

/** Logs in where nobody asks for a password. */
export const connectRawReader = async ({ port, user }: Pick<Server, 'port' | 'user'>): Promise<RawReader> => {
  let waiting: { readonly resolve: (bytes: number) => void; readonly reject: (error: Error) => void } | undefined;
  let bytes = 0;
  let tail = Buffer.alloc(0);
  const fail = (error: Error): void => waiting?.reject(error);
  const read = (count: number, buffer: Uint8Array): boolean => {
    if (bytes === 0 && buffer[0] === 0x45) fail(new Error(Buffer.from(buffer.subarray(0, count)).toString('utf8')));
    bytes += count;
    const end = Buffer.from(buffer.buffer, buffer.byteOffset + Math.max(0, count - READY.length), Math.min(count, READY.length));
    tail = Buffer.concat([tail, end]).subarray(-READY.length);
    if (tail.equals(READY)) waiting?.resolve(bytes);
    return true;
  };
  const socket: Socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: { buffer: Buffer.alloc(BUFFER_BYTES), callback: read },
  });
  socket.on('error', fail).on('close', () => fail(new Error('the connection was closed')));
  const answer = (message: Buffer): Promise<number> =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
      bytes = 0;
      tail = Buffer.alloc(0);
      socket.write(message);
    });
  await once(socket, 'connect');
  await answer(send.startup({ user, database: DATABASE }));
  return { ask: (sql) => answer(send.query(sql)), close: () => void socket.end(send.terminate()) };
};
