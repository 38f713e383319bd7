/**
 * One end of a conversation: what it is sent, and all that a client can see of what comes back, as lines to compare.
 */
import { connectRaw, type RawClient, type RawFrame, responseFields, rowValues, send } from '../support/raw-client.ts';

/** Longer than any statement of the model takes, however busy the machine is. */
const PATIENCE_MS = 8_000;

/** A frame in words. What the two sides have to differ in is left out. */
export const lineOf = (frame: RawFrame): string => {
  const { type, body } = frame;
  switch (type) {
    case 'T':
      return `T ${columnsOf(body).join(', ')}`;
    case 'D':
      return `D ${rowValues(frame)
        .map((value) =>
          value === null ? 'null' : /^[\x20-\x7e]*$/.test(value.toString('latin1')) ? value.toString() : value.toString('hex'),
        )
        .join(' | ')}`;
    case 'E':
    case 'N':
      return `${type} ${fieldsOf(frame)}`;
    case 'S':
    case 'C':
    case 'Z':
      return `${type} ${body.toString().replaceAll('\0', ' ').trim()}`;
    case 't':
    case 'G':
    case 'H':
      return `${type} ${body.toString('hex')}`;
    case 'd':
      return `d ${JSON.stringify(body.toString())}`;
    default:
      return body.length === 0 ? type : `${type} ${body.toString('hex')}`;
  }
};

const columnsOf = (body: Buffer): string[] => {
  const columns: string[] = [];
  let offset = 2;
  for (let index = body.readUInt16BE(0); index > 0; index -= 1) {
    const end = body.indexOf(0, offset);
    const name = body.toString('utf8', offset, end);
    // A masked column stands in no table; the two databases give their tables different numbers.
    const place = name === 'ssn' || name === 'name' ? '' : `${body.readUInt32BE(end + 1) === 0 ? 'no table' : body.readInt16BE(end + 5)} `;
    columns.push(`${name} ${place}${body.subarray(end + 7, end + 19).toString('hex')}`);
    offset = end + 19;
  }
  return columns;
};

/** SQLSTATE classes whose DETAIL prints rows, and is withheld. */
const PRINTS_ROWS = /^(23|44)/;

const fieldsOf = (frame: RawFrame): string => {
  const all = responseFields(frame);
  const { V, C, M, D, H, P, s, t, c, d, n } = all;
  const told = { V, C, M, D: PRINTS_ROWS.test(C ?? '') ? undefined : D, H, P, s, t, c, d, n };
  return JSON.stringify(told);
};

export type Line = { readonly text: string; readonly frame: RawFrame };

export class Side {
  readonly #client: RawClient;
  readonly #port: number;
  /** Of BackendKeyData. */
  readonly #key: Buffer;

  private constructor(client: RawClient, port: number, key: Buffer) {
    this.#client = client;
    this.#port = port;
    this.#key = key;
  }

  static async open(port: number, user: string, database: string): Promise<{ side: Side; greeting: Line[] }> {
    const client = await connectRaw(port);
    const frames = await client.login({ user, database });
    // Keys are each side's own, and so is how one logs in.
    const greeting = frames.filter(({ type }) => type !== 'K' && type !== 'R').map((frame) => ({ text: lineOf(frame), frame }));
    const key = frames.find(({ type }) => type === 'K')?.body ?? Buffer.alloc(8);
    return { side: new Side(client, port, key), greeting };
  }

  write(messages: readonly Buffer[]): void {
    if (!this.#client.closed) this.#client.write(...messages);
  }

  /** Ends the client's half: what it has sent is still to be answered. */
  halfClose(): void {
    this.#client.socket.end();
  }

  /** Sends a cancel request, and waits until it was passed on. */
  async cancel(): Promise<void> {
    const other = await connectRaw(this.#port);
    other.write(send.cancelRequest(this.#key.readInt32BE(0), this.#key.subarray(4)));
    await other.waitClosed();
  }

  vanish(): void {
    this.#client.destroy();
  }

  /** What comes until `done` says so of all of it, or the connection closes. */
  async read(done: (lines: readonly Line[]) => boolean): Promise<Line[]> {
    const lines: Line[] = [];
    const say = (text: string): void => void lines.push({ text, frame: { type: '', body: Buffer.alloc(0) } });
    while (!done(lines)) {
      try {
        const frame = await this.#client.next(PATIENCE_MS);
        if (frame === undefined) {
          say('closed');
          return lines;
        }
        lines.push({ text: lineOf(frame), frame });
      } catch {
        say('hangs');
        return lines;
      }
    }
    return lines;
  }
}

/** Behind what is asked: three empty statements show that all of it has been answered, whatever that was. */
export const BARRIER: readonly Buffer[] = [send.sync(), send.query(''), send.query(''), send.query('')];

export const atBarrier = (lines: readonly Line[]): boolean =>
  lines.length >= 6 &&
  lines
    .slice(-6)
    .map(({ frame }) => frame.type)
    .join('') === 'IZIZIZ';
