import type { Socket } from 'node:net';
import type { SessionUpstream } from './dependencies.ts';

/** How long a client may take to read its last error. */
const GOODBYE_MS = 2_000;

/** Lets the client read what was written, and closes. */
export const closeClient = (socket: Socket): void => {
  socket.end();
  // Only who reads on hears that the other side closes.
  socket.resume();
  const goodbye = setTimeout(() => socket.destroy(), GOODBYE_MS);
  goodbye.unref();
  socket.once('close', () => clearTimeout(goodbye));
};

/** Ends the server session. A statement that nobody waits for is cancelled, or it would run on. */
export const closeUpstream = (upstream: SessionUpstream, running: boolean): void => {
  if (!running) {
    upstream.end();
    return;
  }
  void upstream
    .cancel()
    .catch(() => undefined)
    .finally(() => upstream.destroy());
};
