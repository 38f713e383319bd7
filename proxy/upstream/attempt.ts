/**
 * One attempt to reach the server: a single deadline over all its phases, and no socket left behind when it fails.
 */
import type { Socket } from 'node:net';
import { Failure } from '../../kernel/failure.ts';
import { describeSocketError, type Phase, timedOut } from './socket-failure.ts';

/** Handed to the code that makes the attempt. */
export type Attempt = {
  /** Says what is being done from now on. */
  readonly enter: (phase: Phase) => void;
  /** The socket is destroyed when the attempt fails or its time is up. */
  readonly adopt: <S extends Socket>(socket: S) => S;
};

/** How long an attempt may take, and who may call it off. */
export type AttemptLimits = { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined };

/** Runs `make`; rejects with Failure only. */
export const attempt = async <T>(limits: AttemptLimits, make: (attempt: Attempt) => Promise<T>): Promise<T> => {
  const { timeoutMs, signal } = limits;
  const sockets: Socket[] = [];
  let phase: Phase = 'connecting';
  let expire: (error: unknown) => void = () => {};
  const expired = new Promise<never>((_resolve, reject) => {
    expire = reject;
  });
  const timer = setTimeout(() => expire(timedOut(timeoutMs, phase)), timeoutMs);
  const onAbort = (): void => expire(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();

  const adopt = <S extends Socket>(socket: S): S => {
    // Errors reach us through the promise that waits for the socket; without a listener a late one would end the process.
    socket.on('error', () => {});
    sockets.push(socket);
    return socket;
  };
  try {
    return await Promise.race([expired, make({ enter: (next) => (phase = next), adopt })]);
  } catch (error) {
    const failure = error instanceof Failure ? error : describeSocketError(error, phase);
    // With the failure as its error, whatever still waits for the socket ends as well.
    for (const socket of sockets) socket.destroy(failure);
    throw failure;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
};
