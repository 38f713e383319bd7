/**
 * Reads from a socket no more than was asked for, so that what comes next stays in it for whoever listens next.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { closedEarly } from './socket-failure.ts';

/** The next `length` bytes, which must be at least one. Rejects when the socket closes before. */
export const readExactly = async (socket: Socket, length: number): Promise<Buffer> => {
  for (;;) {
    const bytes: Buffer | null = socket.read(length);
    if (bytes?.length === length) return bytes;
    // A stream that has ended hands out what is left of it, however little.
    if (bytes !== null || socket.readableEnded || socket.destroyed) throw socket.errored ?? closedEarly();
    await readable(socket);
  }
};

const readable = async (socket: Socket): Promise<void> => {
  const settled = new AbortController();
  try {
    await Promise.race([
      once(socket, 'readable', { signal: settled.signal }),
      once(socket, 'end', { signal: settled.signal }),
      once(socket, 'close', { signal: settled.signal }),
    ]);
  } finally {
    settled.abort();
  }
};
