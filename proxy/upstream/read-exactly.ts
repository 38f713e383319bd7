/**
 * Reads from a socket no more than was asked for, so that what comes next stays in it for whoever listens next.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { closedEarly } from './socket-failure.ts';

/** The next `length` bytes, which must be at least one. Rejects when the socket closes before. */
export const readExactly = async (socket: Socket, length: number): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for (let missing = length; missing > 0; ) {
    // What is there is taken at once: a stream with a remainder in it calls itself readable again and again, and we would spin.
    const part: Buffer | null = socket.read(Math.min(missing, socket.readableLength || missing));
    if (part !== null) {
      parts.push(part);
      missing -= part.length;
      continue;
    }
    if (socket.readableEnded || socket.destroyed) throw socket.errored ?? closedEarly();
    await readable(socket);
  }
  return Buffer.concat(parts, length);
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
