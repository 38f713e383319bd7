import type { Duplex } from 'node:stream';
import { Span, SpanQueue } from '../wire/span.ts';

/** Below this many bytes, pieces are copied together: one write costs more than the copy. */
const JOIN_LIMIT = 64 * 1024;

/** Collects what goes to the client of one chunk of the server. Neighbouring pieces of that chunk stay one, uncopied. */
export class ClientOutput {
  readonly #spans = new SpanQueue();

  add(piece: Span | Buffer): void {
    this.#spans.add(piece instanceof Span ? piece : new Span(piece));
  }

  discard(): void {
    this.#spans.take();
  }

  /** False: the client is slow, as with a socket. */
  flush(socket: Duplex): boolean {
    const { length } = this.#spans;
    if (length === 0) {
      return true;
    }
    const pieces = this.#spans.take();
    if (pieces.length === 1) {
      return socket.write(pieces[0] as Buffer);
    }
    if (length <= JOIN_LIMIT) {
      return socket.write(Buffer.concat(pieces, length));
    }
    socket.cork();
    let ready = true;
    for (const piece of pieces) {
      ready = socket.write(piece);
    }
    socket.uncork();
    return ready;
  }
}
