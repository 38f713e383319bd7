import type { Duplex } from 'node:stream';

/** Below this many bytes, pieces are copied together: one write costs more than the copy. */
const JOIN_LIMIT = 64 * 1024;

/** Collects what goes to the client of one chunk of the server. Neighbouring pieces of that chunk stay one, uncopied. */
export class ClientOutput {
  #pieces: Buffer[] = [];
  #length = 0;

  add(piece: Buffer): void {
    this.#length += piece.length;
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.buffer === piece.buffer && last.byteOffset + last.length === piece.byteOffset) {
      this.#pieces[this.#pieces.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + piece.length);
    } else {
      this.#pieces.push(piece);
    }
  }

  discard(): void {
    this.#pieces = [];
    this.#length = 0;
  }

  /** False: the client is slow, as with a socket. */
  flush(socket: Duplex): boolean {
    const pieces = this.#pieces;
    const length = this.#length;
    if (pieces.length === 0) {
      return true;
    }
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
