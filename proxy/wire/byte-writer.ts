/** Collects the parts of one message and writes them with type and length in front. */
export class ByteWriter {
  readonly #parts: Buffer[] = [];
  #length = 0;

  uint8(value: number): this {
    return this.bytes(Buffer.of(value));
  }

  int16(value: number): this {
    const bytes = Buffer.allocUnsafe(2);
    bytes.writeInt16BE(value);
    return this.bytes(bytes);
  }

  uint16(value: number): this {
    const bytes = Buffer.allocUnsafe(2);
    bytes.writeUInt16BE(value);
    return this.bytes(bytes);
  }

  int32(value: number): this {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeInt32BE(value);
    return this.bytes(bytes);
  }

  uint32(value: number): this {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(value);
    return this.bytes(bytes);
  }

  bytes(bytes: Buffer): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  /** A NUL-terminated string. A NUL inside would end it early and shift what follows: that is a bug of the caller. */
  string(value: string | Buffer): this {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    if (bytes.includes(0)) {
      throw new RangeError('a NUL cannot be part of a string in a message');
    }
    return this.bytes(bytes).uint8(0);
  }

  /** The message: its type (a letter), its length, its body. */
  message(type: string): Buffer {
    const head = Buffer.allocUnsafe(5);
    head.write(type, 0, 1, 'latin1');
    head.writeInt32BE(this.#length + 4, 1);
    return Buffer.concat([head, ...this.#parts], this.#length + 5);
  }

  /** A packet without a type, as before authentication. */
  packet(): Buffer {
    const head = Buffer.allocUnsafe(4);
    head.writeInt32BE(this.#length + 4);
    return Buffer.concat([head, ...this.#parts], this.#length + 4);
  }
}
