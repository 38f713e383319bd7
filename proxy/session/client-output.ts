import type { Duplex } from 'node:stream';
import { joinNeighbours } from '../wire/join-neighbours.ts';

/** Below this many bytes, pieces are copied together: one write costs more than the copy. */
const JOIN_LIMIT = 64 * 1024;

/** Collects what goes to the client of one chunk of the server. Neighbouring pieces of that chunk stay one, uncopied. */
export class ClientOutput {
  #pieces: Buffer[] = [];
  #length = 0;

  add(piece: Buffer): void {
    this.#length += piece.length;
    this.#pieces.push(piece);
  }

  discard(): void {
    this.#pieces = [];
    this.#length = 0;
  }

  /** False: the client is slow, as with a socket. */
  flush(socket: Duplex): boolean {
    if (this.#pieces.length === 0) {
      return true;
    }
    const pieces = joinNeighbours(this.#pieces);
    const length = this.#length;
    this.#pieces = [];
    this.#length = 0;
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
