/**
 * Reads TCP sockets by way of one buffer that they share. Left to itself Node allocates 64 KB for each read, and page faults and
 * garbage collection then cost more than a short statement does.
 */
import { Socket } from 'node:net';

/**
 * As large as what Node allocates for each read. INVARIANT: all sockets read into it, one after the other, so that what is passed on is
 * a copy, made before the next read.
 */
let shared: Buffer | undefined;
const READ_BYTES = 64 * 1024;

type Handle = { readonly useUserBuffer?: (buffer: Uint8Array) => void };
type Slots = Record<symbol, unknown> & { readonly _handle?: Handle | null };

/**
 * Calls `onBytes` with a copy of what each read brings, once the socket flows. `net.connect` can do this by its option `onread`;
 * a socket that a server accepted, or whose first bytes were read otherwise, has no such option, so that what the option sets is set here.
 * Where there is no such thing (TLS, another Node) it listens to `data`, which is the same, and slower.
 */
export const readSocket = (socket: Socket, onBytes: (bytes: Buffer) => void): void => {
  const symbols = Object.getOwnPropertySymbols(socket);
  const buffered = symbols.find(({ description }) => description === 'kBuffer');
  const callback = symbols.find(({ description }) => description === 'kBufferCb');
  const slots = socket as unknown as Slots;
  const handle = slots._handle;
  if (buffered === undefined || callback === undefined || typeof handle?.useUserBuffer !== 'function' || socket.constructor !== Socket) {
    socket.on('data', onBytes);
    return;
  }
  shared ??= Buffer.allocUnsafeSlow(READ_BYTES);
  const buffer = shared;
  slots[buffered] = buffer;
  // True: it goes on reading.
  slots[callback] = (count: number): boolean => {
    onBytes(Buffer.from(buffer.subarray(0, count)));
    return true;
  };
  handle.useUserBuffer(buffer);
  // What was read before, or put back, stands in the stream's own queue.
  const held = socket.readableLength > 0 ? (socket.read() as Buffer) : undefined;
  if (held !== undefined) process.nextTick(onBytes, held);
};
