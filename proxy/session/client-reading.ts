import { ClientFrames } from '../wire/client-frames.ts';
import type { Forwarding } from './forwarding.ts';
import type { FrontendHandler } from './frontend-handler.ts';
import type { Outbox } from './outbox.ts';
import type { Pace } from './pace.ts';
import type { SocketReader } from './socket-reader.ts';

/** What reading needs of its session. */
export type ClientReadingContext = {
  readonly reader: SocketReader;
  /** Largest message, in bytes. */
  readonly messageLimit: number;
  readonly frontend: Pick<FrontendHandler, 'handle'>;
  readonly outbox: Pick<Outbox, 'batch'>;
  readonly forwarding: Pick<Forwarding, 'flush'>;
  readonly pace: Pick<Pace, 'overQuota' | 'rest' | 'begin'>;
  /** All that has come is worked off. */
  readonly waits: () => void;
  /** More has come. Throws `Failure` where it cannot be held. */
  readonly came: () => void;
};

/**
 * A batch that grows beyond this, some hundreds of statements, is sent before the rest of what has arrived is read: the server begins with
 * it meanwhile, and less is alive at once.
 */
const BATCH_BYTES = 192 * 1024;

/** Reads the client message by message, and has forwarded what was let through: what arrived together, together. */
export class ClientReading {
  readonly #context: ClientReadingContext;
  #waiting = false;

  constructor(context: ClientReadingContext) {
    this.#context = context;
  }

  /** It is the client's turn: all that has come is worked off. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** Resolves when there is nothing more to read, with why. Rejects with `Failure`, or `OVER`. */
  async untilGoodbye(): Promise<'client-terminated' | 'client-disconnected'> {
    const { reader, messageLimit, frontend, outbox, forwarding, pace, waits, came } = this.#context;
    const frames = new ClientFrames(messageLimit, reader.queue);
    for (;;) {
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) {
        const handled = frontend.handle(frame);
        if (handled instanceof Promise ? await handled : handled) {
          await forwarding.flush();
          return 'client-terminated';
        }
        if (outbox.batch.bytes >= BATCH_BYTES || pace.overQuota) {
          await forwarding.flush();
        }
        const rest = pace.rest();
        if (rest !== undefined) {
          await rest;
        }
      }
      const flushed = forwarding.flush();
      if (flushed instanceof Promise) {
        await flushed;
      }
      this.#waiting = true;
      waits();
      const more = await reader.more();
      this.#waiting = false;
      if (!more) {
        return 'client-disconnected';
      }
      came();
      pace.begin();
    }
  }
}
