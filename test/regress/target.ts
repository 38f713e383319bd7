/**
 * One side of the comparison: where statements are sent, and how the set-up gets into the same server session.
 */
import { setTimeout } from 'node:timers/promises';
import { connectRaw, type RawClient, type RawFrame, send } from '../support/raw-client.ts';
import { type Answer, answerOf } from './answer.ts';
import type { Relay } from './relay.ts';

export type TargetOptions = {
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** In front of the server, where `port` is the proxy's. */
  readonly relay?: Relay;
};

/** Gives the rows of a COPY FROM STDIN when the server asks for them. */
export type CopyData = () => string;

const TIMEOUT_MS = 60_000;

/** pg_regress's environment: how values are written. */
const PARAMETERS = { TimeZone: 'PST8PDT', DateStyle: 'Postgres, MDY' };

export class Target {
  readonly #options: TargetOptions;
  #client: RawClient | undefined;
  #sessions = 0;
  status = 'I';

  constructor(options: TargetOptions) {
    this.#options = options;
  }

  get #application(): string {
    return `regress-${this.#sessions}`;
  }

  /** Ends the session and begins another. @throws when none can be had. */
  async connect(): Promise<void> {
    await this.close();
    this.#sessions++;
    const { port, user, database } = this.#options;
    this.#client = await connectRaw(port);
    const frames = await this.#client.login({ user, database, parameters: { application_name: this.#application, ...PARAMETERS } });
    if (frames.at(-1)?.type !== 'Z') throw new Error(`no session: ${JSON.stringify(answerOf(frames, 'dead').error)}`);
    this.status = 'I';
  }

  /** As a client sends it. */
  async run(text: string, data: CopyData): Promise<Answer> {
    const client = this.#client;
    if (client === undefined) throw new Error('not connected');
    client.write(send.query(text));
    const frames: RawFrame[] = [];
    let status = 'dead';
    try {
      for (;;) {
        const frame = await client.next(TIMEOUT_MS);
        if (frame === undefined) break;
        frames.push(frame);
        const more = copyAnswer(frame, data);
        if (more !== undefined) client.write(more);
        if (frame.type === 'Z') break;
      }
    } catch {
      status = 'hung';
    }
    return this.#seen(answerOf(frames, status));
  }

  /** In the same server session, but not through the proxy. */
  async setUp(text: string, data: CopyData): Promise<Answer> {
    const { relay } = this.#options;
    if (relay === undefined) return await this.run(text, data);
    const injected = relay.inject(this.#application, send.query(text), (frame) => copyAnswer(frame, data));
    const late = setTimeout(TIMEOUT_MS, undefined, { ref: false });
    const frames = await Promise.race([injected, late]);
    return this.#seen(answerOf(frames ?? [], frames === undefined ? 'hung' : 'dead'));
  }

  /** Resolves when the server is done with it: its locks and temporary objects are gone. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    client.write(send.terminate());
    await client.waitClosed().catch(() => {});
    client.destroy();
  }

  async #seen(answer: Answer): Promise<Answer> {
    if (answer.status === 'dead' || answer.status === 'hung') await this.connect();
    else this.status = answer.status;
    return answer;
  }
}

const copyAnswer = (frame: RawFrame, data: CopyData): Buffer | undefined => {
  if (frame.type !== 'G') return undefined;
  return Buffer.concat([send.copyData(data()), send.copyDone()]);
};
