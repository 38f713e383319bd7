/**
 * The database's door: one server session, after its start.
 */
import type { AuditReceipt } from '../../kernel/audit-record.ts';
import { because, type Failure, upstreamLost } from '../../kernel/failure.ts';
import { type ControlMessage, encodeControl } from './control-message.ts';
import type { Channel } from './dial.ts';
import { readSocket } from './read-socket.ts';
import type { StartedSession } from './start-session.ts';

/** One server session. `onData` and `onDrain` take one listener, a later one takes its place; `onClose` takes any number. */
export type Upstream = {
  /** The settings that the server reported at the start. */
  readonly parameters: ReadonlyMap<string, string>;
  /** 0 where the server did not tell. */
  readonly backendPid: number;
  /** The port that it connects from; 0 where the connection is gone already. */
  readonly localPort: number;
  /** Asks the server to cancel what this session runs. Resolves when the request was taken; rejects with Failure. */
  readonly cancel: () => Promise<void>;
  /** The only way to forward. False: wait for `onDrain`, as with a socket. */
  readonly send: (receipt: AuditReceipt, bytes: Buffer) => boolean;
  /** What needs no receipt. */
  readonly sendControl: (message: ControlMessage) => boolean;
  /** Bytes as they arrive; they are held back until somebody listens. */
  readonly onData: (listener: (chunk: Buffer) => void) => void;
  readonly onDrain: (listener: () => void) => void;
  /** Bytes that wait for the server to read them. */
  readonly waiting: () => number;
  /** Called once: with a Failure when the session was lost, without when we ended it. */
  readonly onClose: (listener: (failure: Failure | undefined) => void) => void;
  readonly pause: () => void;
  readonly resume: () => void;
  /** Says goodbye and closes. A statement that runs goes on until the server looks up: `cancel` it before. */
  readonly end: () => void;
  readonly destroy: () => void;
};

/** How long a server may take to close after Terminate. */
const CLOSE_TIMEOUT_MS = 2_000;

/** Wraps a channel on which a session has started. */
export const createUpstream = (channel: Channel, session: StartedSession, cancel: () => Promise<void>): Upstream => {
  const { socket } = channel;
  let ours = false;
  let cause: unknown;
  let closed: { readonly failure: Failure | undefined } | undefined;
  let onData: ((chunk: Buffer) => void) | undefined;
  let onDrain = (): void => {};
  const onClose: ((failure: Failure | undefined) => void)[] = [];

  socket.on('drain', () => onDrain());
  socket.on('error', (error) => {
    cause = error;
  });
  const settle = (): void => {
    if (closed !== undefined) return;
    closed = { failure: ours ? undefined : because(upstreamLost(), cause) };
    for (const listener of onClose) listener(closed.failure);
  };
  socket.once('close', settle);
  if (socket.closed) settle();

  return {
    parameters: session.parameters,
    backendPid: session.key?.processId ?? 0,
    localPort: socket.localPort ?? 0,
    cancel,
    // INVARIANT: the receipt is not looked at. Only the audit store can make one, so whoever holds one has written the record.
    send: (_receipt, bytes) => socket.write(bytes),
    sendControl: (message) => socket.write(encodeControl(message)),
    onData: (listener) => {
      const first = onData === undefined;
      onData = listener;
      if (!first) return;
      readSocket(socket, (bytes) => onData?.(bytes));
      socket.resume();
    },
    onDrain: (listener) => {
      onDrain = listener;
    },
    waiting: () => socket.writableLength,
    onClose: (listener) => {
      onClose.push(listener);
      const already = closed;
      if (already !== undefined) queueMicrotask(() => listener(already.failure));
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => {
      if (ours || socket.destroyed) return;
      ours = true;
      socket.end(encodeControl({ type: 'Terminate' }));
      // Nobody reads any more; what is on its way must not keep the socket open.
      onData = () => {};
      socket.resume();
      const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS);
      timer.unref();
      socket.once('close', () => clearTimeout(timer));
    },
    destroy: () => {
      ours = true;
      socket.destroy();
    },
  };
};
