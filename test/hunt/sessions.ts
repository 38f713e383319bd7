/**
 * Sends cases, and keeps every byte that comes back.
 */
import { connectRaw, type RawClient, type RawFrame, responseFields, send } from '../support/raw-client.ts';
import type { Case, Step } from './cases.ts';

export type Answer = {
  readonly frames: readonly RawFrame[];
  readonly received: Buffer;
  /** The first error. */
  readonly error: Readonly<Record<string, string>> | undefined;
  /** The connection is gone. */
  readonly lost: boolean;
};

/** A session that is opened anew whenever it has to be. */
export class HuntSession {
  readonly #open: { readonly port: number; readonly user: string; readonly database: string };
  #client: RawClient | undefined;
  #chunks: Buffer[] = [];
  #cases = 0;

  constructor(open: { readonly port: number; readonly user: string; readonly database: string }) {
    this.#open = open;
  }

  async run({ steps }: Case): Promise<Answer> {
    const client = await this.#session();
    const frames: RawFrame[] = [];
    for (const step of steps) frames.push(...(await this.#step(client, step)));
    if (!client.closed && statusOf(frames) !== 'I') frames.push(...(await this.#step(client, { bytes: send.query('ROLLBACK'), text: '' })));
    const received = Buffer.concat(this.#chunks);
    this.#chunks = [];
    const failed = frames.find(({ type }) => type === 'E');
    return { frames, received, error: failed && responseFields(failed), lost: client.closed };
  }

  close(): void {
    this.#client?.destroy();
    this.#client = undefined;
  }

  async #step(client: RawClient, { bytes, text }: Step): Promise<RawFrame[]> {
    client.write(bytes);
    try {
      return await client.until('Z', 20_000);
    } catch (error) {
      throw new Error(`no answer to: ${text}`, { cause: error });
    }
  }

  /** The frames of a client stay with it: now and then it is another. */
  async #session(): Promise<RawClient> {
    this.#cases += 1;
    if (this.#client !== undefined && !this.#client.closed && this.#cases % 250 !== 0) return this.#client;
    this.close();
    const client = await connectRaw(this.#open.port);
    const greeting = await client.login({
      user: this.#open.user,
      database: this.#open.database,
      parameters: { client_min_messages: 'notice' },
    });
    if (client.closed || greeting.at(-1)?.type !== 'Z') throw new Error(`could not log in: ${greeting.at(-1)?.body.toString()}`);
    client.socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    this.#client = client;
    return client;
  }
}

const statusOf = (frames: readonly RawFrame[]): string | undefined => frames.findLast(({ type }) => type === 'Z')?.body.toString();
