/**
 * One answer of the operator's without end, from the question to how it ended.
 */
import type { IncomingMessage } from 'node:http';
import { CONTROL_PATHS, type ControlMessage, PING_SECONDS, REPLICA_HEADER } from '../../kernel/control.ts';
import { controlMessage } from './control-message.ts';
import { MessageLines } from './message-lines.ts';
import { askOperator, type Operator, shortBody } from './operator-request.ts';

/** How a stream ended. `reason` is for people. */
export type StreamEnd =
  /** The operator closed it in order: the token is about to end, or it shuts down. */
  | { readonly type: 'Closed' }
  /** The token is not valid any more. */
  | { readonly type: 'Unauthorized' }
  | { readonly type: 'Revoked'; readonly reason: string }
  /** `heard`: the other side was there to close it, and has not just fallen silent. */
  | { readonly type: 'Broken'; readonly reason: string; readonly heard: boolean };

export type StreamOptions = {
  readonly operator: Operator;
  readonly signal: AbortSignal;
  readonly onMessage: (message: ControlMessage) => void;
  /** Told first, of the replica that answers; undefined where it does not say. */
  readonly onOpen?: (replica: string | undefined) => void;
  /** Milliseconds without a byte after which the other side is taken to be gone. */
  readonly silence?: number;
};

/** All objects of a bundle are in one line. Kubernetes lets one object have 1.5 MiB. */
const LARGEST_MESSAGE = 16 * 1024 * 1024;

/** Milliseconds. */
export const SILENCE = 3 * PING_SECONDS * 1000;

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined || error.message.includes(code) ? error.message : `${error.message} (${code})`;
};

const refusalOf = async (response: IncomingMessage, silence: number): Promise<StreamEnd> => {
  // An answer that never ends, as where the network went away in the middle of it, is none.
  response.setTimeout(silence, () => response.destroy());
  const text = await shortBody(response);
  response.destroy();
  switch (response.statusCode) {
    case 401:
      return { type: 'Unauthorized' };
    case 403:
      return { type: 'Revoked', reason: reasonIn(text) ?? 'The operator does not know this pod as an agent.' };
    default:
      return { type: 'Broken', reason: `the operator answered with status ${response.statusCode ?? 0}`, heard: true };
  }
};

const reasonIn = (text: string): string | undefined => {
  try {
    const { reason } = JSON.parse(text) as { readonly reason?: unknown };
    return typeof reason === 'string' && reason !== '' ? reason.slice(0, 1000) : undefined;
  } catch {
    return undefined;
  }
};

/** Asks for bundles, and tells of each message until the stream ends. Never rejects. */
export const streamBundles = async ({ operator, signal, onMessage, onOpen, silence = SILENCE }: StreamOptions): Promise<StreamEnd> => {
  let response: IncomingMessage;
  try {
    response = await askOperator(operator, { method: 'GET', path: CONTROL_PATHS.bundle, signal, timeout: silence });
    if (response.statusCode !== 200) return await refusalOf(response, silence);
    onOpen?.([response.headers[REPLICA_HEADER] ?? []].flat()[0]);
  } catch (error) {
    return { type: 'Broken', reason: reasonOf(error), heard: false };
  }
  return await new Promise<StreamEnd>((resolve) => {
    const lines = new MessageLines(LARGEST_MESSAGE);
    const end = (how: StreamEnd): void => {
      clearTimeout(timer);
      response.destroy();
      resolve(how);
    };
    const timer = setTimeout(
      () => end({ type: 'Broken', reason: `nothing was heard of the operator for ${silence / 1000} s`, heard: false }),
      silence,
    );
    response.on('data', (chunk: Buffer) => {
      timer.refresh();
      try {
        for (const line of lines.push(chunk)) {
          const message = line === '' ? undefined : controlMessage(line);
          if (message?.type === 'revoked') return end({ type: 'Revoked', reason: message.reason });
          if (message !== undefined) onMessage(message);
        }
      } catch (error) {
        end({ type: 'Broken', reason: reasonOf(error), heard: true });
      }
    });
    response.once('end', () => end({ type: 'Closed' }));
    response.once('error', (error) => end({ type: 'Broken', reason: reasonOf(error), heard: true }));
    response.once('close', () => end({ type: 'Broken', reason: 'the connection was closed', heard: true }));
  });
};
