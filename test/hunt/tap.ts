/**
 * A relay between a client and the proxy that hands on each whole answer of the server, up to ReadyForQuery.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { RawFrame } from '../support/raw-client.ts';

export type Tap = { readonly port: number; readonly close: () => void };

/** One message of the server: a letter, its length with itself but not the letter, and its body. */
const HEADER = 5;

/** Cuts what a server sends into answers. `left` is what has come of the next. */
class Answers {
  #left = Buffer.alloc(0);
  #frames: RawFrame[] = [];
  #bytes: Buffer[] = [];
  readonly #onAnswer: (frames: readonly RawFrame[], received: Buffer) => void;

  constructor(onAnswer: (frames: readonly RawFrame[], received: Buffer) => void) {
    this.#onAnswer = onAnswer;
  }

  take(chunk: Buffer): void {
    this.#bytes.push(chunk);
    let bytes = Buffer.concat([this.#left, chunk]);
    while (bytes.length >= HEADER && bytes.length > bytes.readUInt32BE(1)) {
      const end = 1 + bytes.readUInt32BE(1);
      const type = String.fromCharCode(bytes[0] ?? 0);
      this.#frames.push({ type, body: bytes.subarray(HEADER, end) });
      bytes = bytes.subarray(end);
      if (type === 'Z') this.end();
    }
    this.#left = bytes;
  }

  /** What has come so far is an answer, also where a connection ends in the middle. */
  end(): void {
    if (this.#bytes.length > 0) this.#onAnswer(this.#frames, Buffer.concat(this.#bytes));
    this.#frames = [];
    this.#bytes = [];
  }
}

/** Listens on a free port of 127.0.0.1 and relays to `port`. Clients must not ask for encryption. */
export const startTap = async (port: number, onAnswer: (frames: readonly RawFrame[], received: Buffer) => void): Promise<Tap> => {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    const answers = new Answers(onAnswer);
    const end = (): void => {
      answers.end();
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end).on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => answers.take(chunk));
    upstream.pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, close };
};
