/**
 * The `Kube` that everybody uses, and the streams that informers watch.
 */
import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { applyBy, FIELD_MANAGER } from './apply.ts';
import { jsonLines } from './json-lines.ts';
import { type Kube, KubeFailure, type KubeRequest } from './kube.ts';
import type { Method, Transport } from './transport.ts';

export type KubeClient = Kube & {
  /** Resolves with the lines of a watch, as JSON, when it has begun. @throws KubeFailure */
  readonly lines: (path: string, query: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<AsyncIterable<unknown>>;
  /** Idle connections are not used again: one of their age was found dead. */
  readonly distrust: () => void;
  readonly close: () => void;
};

const REQUEST_MS = 30_000;

/** How often an answer of "too many requests" is waited for. */
const PATIENCE = 4;
const LONGEST_WAIT_SECONDS = 10;

/** A list of 500 objects of 1.5 MB is beyond anything that is asked for. */
const LARGEST_ANSWER = 256 * 1024 * 1024;

const REPEATABLE: ReadonlySet<Method> = new Set(['GET', 'PUT', 'PATCH', 'DELETE']);

/** A client over `transport`. */
export const createKubeClient = (transport: Transport): KubeClient => {
  const once = async <T>(method: Method, path: string, request: KubeRequest, leftMs: number): Promise<T> => {
    const late = AbortSignal.timeout(leftMs);
    const response = await transport.open({
      method,
      path: `${path}${queryOf(request.query)}`,
      headers: {
        accept: 'application/json',
        'user-agent': FIELD_MANAGER,
        ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
      },
      body: request.body === undefined ? undefined : JSON.stringify(request.body),
      signal: request.signal === undefined ? late : AbortSignal.any([request.signal, late]),
      headMs: leftMs,
      guard: request.guard,
      stream: false,
    });
    const text = await textOf(response);
    if (!succeeded(response)) throw failureOf(response, text);
    return parsed(text) as T;
  };

  const request = async <T>(method: Method, path: string, options: KubeRequest = {}): Promise<T> => {
    const deadline = performance.now() + (options.timeoutMs ?? REQUEST_MS);
    let unauthorized = 0;
    let stale = 0;
    for (let attempt = 1; ; attempt += 1) {
      const leftMs = Math.max(1, Math.ceil(deadline - performance.now()));
      try {
        return await once<T>(method, path, options, leftMs);
      } catch (error) {
        if (options.signal?.aborted === true) throw new KubeFailure(0, 'Aborted', 'the request was given up');
        if (performance.now() >= deadline) {
          transport.distrust();
          throw new KubeFailure(0, 'Timeout', `the API server did not answer ${method} ${path} in time`);
        }
        if (!(error instanceof KubeFailure)) throw error;
        if (error.status === 401 && unauthorized++ === 0) {
          transport.forget();
          continue;
        }
        // A connection that the peer closed while it was idle: all others of its age may be closed too.
        if (error.reason === 'StaleConnection') {
          transport.distrust();
          if (REPEATABLE.has(method) && stale++ === 0) continue;
        }
        const waitMs = Math.min(LONGEST_WAIT_SECONDS, error.retryAfter ?? 1) * 1000;
        if (error.status !== 429 || attempt >= PATIENCE || performance.now() + waitMs > deadline) throw error;
        await pause(waitMs, undefined, options.signal === undefined ? {} : { signal: options.signal });
      }
    }
  };

  return {
    request,
    apply: applyBy(request),
    lines: async (path, query, signal) => {
      const response = await transport.open({
        method: 'GET',
        path: `${path}${queryOf(query)}`,
        headers: { accept: 'application/json', 'user-agent': FIELD_MANAGER },
        body: undefined,
        signal,
        headMs: REQUEST_MS,
        guard: undefined,
        stream: true,
      });
      if (response.statusCode === 401) transport.forget();
      if (!succeeded(response)) throw failureOf(response, await textOf(response));
      return jsonLines(response);
    },
    distrust: transport.distrust,
    close: transport.close,
  };
};

const queryOf = (query: Readonly<Record<string, string>> | undefined): string =>
  query === undefined ? '' : `?${new URLSearchParams(query).toString()}`;

const succeeded = ({ statusCode }: IncomingMessage): boolean => statusCode !== undefined && statusCode >= 200 && statusCode < 300;

const textOf = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > LARGEST_ANSWER) throw new Error('it is too large');
    }
  } catch (error) {
    throw unreadable(error);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const parsed = (text: string): unknown => {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch (error) {
    throw unreadable(error);
  }
};

const unreadable = (error: unknown): KubeFailure =>
  new KubeFailure(0, 'Unreachable', `could not read the API server's answer: ${error instanceof Error ? error.message : String(error)}`);

const failureOf = (response: IncomingMessage, text: string): KubeFailure => {
  const status = response.statusCode ?? 0;
  const after = Number(response.headers['retry-after'] ?? Number.NaN);
  const told = statusOf(text);
  const message = told?.message ?? (text.slice(0, 300).trim() || `the API server answered ${status}`);
  return new KubeFailure(status, told?.reason ?? '', message, Number.isFinite(after) && after >= 0 ? after : undefined);
};

/** The metav1.Status that the API server answers where it fails. Proxies before it answer other things. */
const statusOf = (text: string): { readonly message?: string; readonly reason?: string } | undefined => {
  try {
    const status = JSON.parse(text) as { readonly kind?: unknown; readonly message?: string; readonly reason?: string } | null;
    return status?.kind === 'Status' ? status : undefined;
  } catch {
    return undefined;
  }
};
