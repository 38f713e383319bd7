/**
 * A byte-level PostgreSQL client for protocol tests: it sends whatever it is told and keeps every frame that comes back.
 * It shares no code with the proxy, so that a fault of ours cannot hide itself.
 */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { scramClient } from './raw-scram.ts';

/** One message of the server: its type letter and its body without type and length. */
export type RawFrame = { readonly type: string; readonly body: Buffer };

export type LoginOptions = {
  readonly user: string;
  readonly database: string;
  readonly password?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Minor protocol version, 0 unless told. */
  readonly minor?: number;
};

const TIMEOUT_MS = 10_000;

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const int16 = (value: number): Buffer => int32(value).subarray(2);

/** A NUL-terminated string. */
export const cstring = (text: string | Buffer): Buffer => Buffer.concat([Buffer.from(text as string), Buffer.of(0)]);

/** A frame with type and length; numbers become 4 bytes, strings are NUL-terminated, buffers stay as they are. */
export const frame = (type: string, ...parts: readonly (string | number | Buffer)[]): Buffer => {
  const body = parts.map((part) => (typeof part === 'number' ? int32(part) : typeof part === 'string' ? cstring(part) : part));
  const length = body.reduce((sum, part) => sum + part.length, 4);
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(length), ...body]);
};

/** The messages that tests send most. A format is 0 for text and 1 for binary. */
export const send = {
  startup: (parameters: Readonly<Record<string, string>>, minor = 0): Buffer =>
    frame('', int32((3 << 16) | minor), ...Object.entries(parameters).flat(), Buffer.of(0)),
  sslRequest: (): Buffer => frame('', 80877103),
  gssEncRequest: (): Buffer => frame('', 80877104),
  cancelRequest: (processId: number, key: Buffer): Buffer => frame('', 80877102, processId, key),
  query: (sql: string): Buffer => frame('Q', sql),
  parse: (name: string, sql: string, types: readonly number[] = []): Buffer =>
    frame('P', name, sql, int16(types.length), ...types.map(int32)),
  bind: (
    portal: string,
    statement: string,
    values: readonly (string | Buffer | null)[] = [],
    { formats = [], resultFormats = [] }: { readonly formats?: readonly number[]; readonly resultFormats?: readonly number[] } = {},
  ): Buffer =>
    frame(
      'B',
      portal,
      statement,
      Buffer.concat([int16(formats.length), ...formats.map(int16), int16(values.length)]),
      ...values.flatMap((value) => (value === null ? [int32(-1)] : [int32(Buffer.byteLength(value)), Buffer.from(value as string)])),
      Buffer.concat([int16(resultFormats.length), ...resultFormats.map(int16)]),
    ),
  describe: (target: 'S' | 'P', name = ''): Buffer => frame('D', Buffer.from(target), name),
  execute: (portal = '', maxRows = 0): Buffer => frame('E', portal, maxRows),
  close: (target: 'S' | 'P', name = ''): Buffer => frame('C', Buffer.from(target), name),
  flush: (): Buffer => frame('H'),
  sync: (): Buffer => frame('S'),
  terminate: (): Buffer => frame('X'),
  copyData: (data: string | Buffer): Buffer => frame('d', Buffer.from(data as string)),
  copyDone: (): Buffer => frame('c'),
  copyFail: (reason: string): Buffer => frame('f', reason),
};

/** The fields of an ErrorResponse or NoticeResponse by letter: C code, M message, D detail, H hint, P position, S severity. */
export const responseFields = ({ body }: RawFrame): Record<string, string> =>
  Object.fromEntries(
    body
      .toString()
      .split('\0')
      .filter((field) => field !== '')
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  );

/** The values of a DataRow; null for NULL. */
export const rowValues = ({ body }: RawFrame): (Buffer | null)[] => {
  let offset = 2;
  return Array.from({ length: body.readUInt16BE(0) }, () => {
    const length = body.readInt32BE(offset);
    offset += 4 + Math.max(length, 0);
    return length < 0 ? null : body.subarray(offset - length, offset);
  });
};

/** The type letters of frames, as one string: `1 2 D C Z` is easy to compare. */
export const types = (frames: readonly RawFrame[]): string => frames.map(({ type }) => type).join(' ');

export class RawClient {
  /** Every frame so far. */
  readonly frames: RawFrame[] = [];
  #socket: Socket;
  #pending: Buffer = Buffer.alloc(0);
  #read = 0;
  #wake: () => void = () => {};
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** Whether the server has closed the connection. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The socket itself, to pause, half-close or reset it. */
  get socket(): Socket {
    return this.#socket;
  }

  write(...messages: readonly Buffer[]): void {
    this.#socket.write(Buffer.concat(messages));
  }

  /** The next frame that no earlier call has handed out; undefined when the connection closed first. */
  async next(timeoutMs = TIMEOUT_MS): Promise<RawFrame | undefined> {
    const deadline = Date.now() + timeoutMs;
    while (this.#read >= this.frames.length) {
      if (this.#closed) return undefined;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no frame came within ${timeoutMs} ms, after: ${types(this.frames)}`);
      await this.#change(left);
    }
    return this.frames[this.#read++];
  }

  /** The frames up to and with the first of one of these types (`until('Z')`, `until('ZE')`), or up to the end of the connection. */
  async until(letters: string, timeoutMs = TIMEOUT_MS): Promise<RawFrame[]> {
    const found: RawFrame[] = [];
    for (;;) {
      const next = await this.next(timeoutMs);
      if (next) found.push(next);
      if (!next || letters.includes(next.type)) return found;
    }
  }

  /** Sends frames and waits for ReadyForQuery. */
  async exchange(...messages: readonly Buffer[]): Promise<RawFrame[]> {
    this.write(...messages);
    return this.until('Z');
  }

  /** A simple query, up to its ReadyForQuery. */
  query(sql: string): Promise<RawFrame[]> {
    return this.exchange(send.query(sql));
  }

  /** Starts a session and answers what the server asks; resolves with the frames up to ReadyForQuery or the end. */
  async login({ user, database, password = '', parameters = {}, minor = 0 }: LoginOptions): Promise<RawFrame[]> {
    this.write(send.startup({ user, database, ...parameters }, minor));
    const scram = scramClient(password);
    const found: RawFrame[] = [];
    for (;;) {
      const next = await this.next();
      if (next) found.push(next);
      if (!next || next.type === 'Z') return found;
      if (next.type !== 'R') continue;
      const kind = next.body.readInt32BE(0);
      const data = next.body.subarray(4);
      if (kind === 3) this.write(frame('p', password));
      if (kind === 10) this.write(frame('p', 'SCRAM-SHA-256', scram.first().length, Buffer.from(scram.first())));
      if (kind === 11) this.write(frame('p', Buffer.from(scram.final(data.toString()))));
    }
  }

  /** Asks for TLS; `S` means that the connection is encrypted from here on. */
  async startTls(options: { readonly ca?: string; readonly servername?: string } = {}): Promise<'S' | 'N'> {
    this.#socket.removeAllListeners('data');
    const answered = once(this.#socket, 'data') as Promise<[Buffer]>;
    this.write(send.sslRequest());
    const [answer] = await answered;
    if (answer[0] !== 0x53) {
      this.#pending = answer.subarray(1);
      this.#listen();
      return 'N';
    }
    this.#socket.removeAllListeners();
    const secured = connectTls({ socket: this.#socket, rejectUnauthorized: options.ca !== undefined, ...options });
    await once(secured, 'secureConnect');
    this.#socket = secured;
    this.#listen();
    return 'S';
  }

  /** Resolves when the server has closed the connection. */
  async waitClosed(timeoutMs = TIMEOUT_MS): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!this.#closed) {
      if (Date.now() >= deadline) throw new Error(`connection still open after ${timeoutMs} ms`);
      await this.#change(deadline - Date.now());
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #listen(): void {
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  #receive(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 5) {
      const end = 1 + this.#pending.readInt32BE(1);
      if (this.#pending.length < end) break;
      this.frames.push({ type: this.#pending.toString('latin1', 0, 1), body: this.#pending.subarray(5, end) });
      this.#pending = this.#pending.subarray(end);
    }
    this.#wake();
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Opens a connection; nothing is sent yet. */
export const connectRaw = async (port: number, host = '127.0.0.1'): Promise<RawClient> => {
  const socket = connectTcp({ port, host, noDelay: true });
  await once(socket, 'connect');
  return new RawClient(socket);
};
