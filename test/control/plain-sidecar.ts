/**
 * A client of the control plane that believes everything and remembers what it was told.
 */
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { type BundleMessage, CONTROL_PATHS, type ControlMessage } from '../../kernel/control.ts';

export type Told = { readonly status: number; readonly body: string };

export type PlainSidecar = {
  /** Of the answer's beginning; undefined: there was none. */
  readonly status: number | undefined;
  readonly messages: readonly ControlMessage[];
  readonly bundles: () => readonly BundleMessage[];
  /** Resolves when the answer has ended. */
  readonly ended: Promise<void>;
  readonly close: () => void;
  /** Stops reading, and goes on. */
  readonly pause: () => void;
  readonly resume: () => void;
};

export type Where = { readonly url: string; readonly ca: string; readonly token: string | undefined };

const ask = ({ url, ca, token }: Where, method: string, path: string, body?: string) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(new URL(path, url), {
      method,
      ca,
      agent: false,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    asked.once('response', resolve);
    asked.once('error', reject);
    asked.end(body);
  });

const textOf = async (response: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  return text;
};

/** One whole question and answer; an answer without end is not waited for. */
export const tell = async (where: Where, method: string, path: string, body?: string): Promise<Told> => {
  const response = await ask(where, method, path, body);
  if (response.statusCode !== 200) return { status: response.statusCode ?? 0, body: await textOf(response) };
  response.destroy();
  return { status: 200, body: '' };
};

/** Opens a stream; `onBundle` is told of each bundle at once. */
export const openStream = async (where: Where, onBundle?: (bundle: BundleMessage) => void): Promise<PlainSidecar> => {
  const response = await ask(where, 'GET', CONTROL_PATHS.bundle);
  const messages: ControlMessage[] = [];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      const message = JSON.parse(line) as ControlMessage;
      messages.push(message);
      if (message.type === 'bundle') onBundle?.(message);
    }
  });
  const ended = new Promise<void>((resolve) => {
    response.once('close', resolve);
    response.once('error', () => resolve());
  });
  return {
    status: response.statusCode,
    messages,
    bundles: () => messages.filter((message) => message.type === 'bundle'),
    ended,
    close: () => response.destroy(),
    pause: () => void response.pause(),
    resume: () => void response.resume(),
  };
};
