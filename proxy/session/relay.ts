import type { Socket } from 'node:net';
import { ServerFrames, type ServerFrameSink } from '../wire/server-frames.ts';
import type { ClientOutput } from './client-output.ts';
import type { SessionUpstream } from './dependencies.ts';
import type { SessionTimers } from './session-timers.ts';

/** What bringing back answers needs of its session. */
export type RelayContext = {
  readonly socket: Socket;
  readonly upstream: Pick<SessionUpstream, 'pause' | 'resume'>;
  /** Takes the server's messages, and puts into `output` what the client may see. */
  readonly sink: ServerFrameSink & { readonly partsPass: boolean };
  readonly output: ClientOutput;
  readonly timers: Pick<SessionTimers, 'drained' | 'stalled' | 'stopping'>;
};

/** What may wait for a slow client while a statement that was stopped comes to its end: the rest of a row, and the error. */
const STOPPING_BACKLOG = 1024 * 1024;

/** Brings back what the server answers, as fast as the client takes it. */
export class Relay {
  readonly #context: RelayContext;
  readonly #frames = new ServerFrames();

  constructor(context: RelayContext) {
    this.#context = context;
  }

  /** The client has a part of a row: it would take anything for the rest of it. */
  get inRow(): boolean {
    return this.#frames.inRow && this.#context.sink.partsPass;
  }

  /** What has come of the server. Throws `Failure` for what ends the session. */
  take(chunk: Buffer): void {
    const { socket, upstream, sink, output, timers } = this.#context;
    this.#frames.push(chunk, sink);
    if (!socket.writable) {
      output.discard();
    } else if (!output.flush(socket)) {
      timers.stalled();
      if (!timers.stopping || socket.writableLength > STOPPING_BACKLOG) {
        upstream.pause();
      }
    }
  }

  /** The client has taken all that waited. */
  drained(): void {
    const { upstream, timers } = this.#context;
    timers.drained();
    upstream.resume();
  }
}
