import { timingSafeEqual } from 'node:crypto';

/** What a client has to name to cancel. */
export type CancelKey = { readonly processId: number; readonly secretKey: Buffer };

/** The shortest key is that of protocol 3.0; from 3.2 on there is room for a better one. */
const keyLength = (minor: number): number => (minor >= 2 ? 32 : 4);

/** Cancel keys of the live sessions: our own, so that nobody learns the server's, and none is guessed from another. */
export class CancelRegistry {
  readonly #sessions = new Map<number, { readonly secretKey: Buffer; readonly cancel: () => Promise<void> }>();
  readonly #randomBytes: (size: number) => Buffer;

  constructor(randomBytes: (size: number) => Buffer) {
    this.#randomBytes = randomBytes;
  }

  /** `minor`: of the protocol version that was agreed. */
  register(minor: number, cancel: () => Promise<void>): CancelKey {
    let processId = 0;
    while (processId === 0 || this.#sessions.has(processId)) {
      processId = this.#randomBytes(4).readUInt32BE() >>> 1;
    }
    const secretKey = this.#randomBytes(keyLength(minor));
    this.#sessions.set(processId, { secretKey, cancel });
    return { processId, secretKey };
  }

  forget(key: CancelKey): void {
    this.#sessions.delete(key.processId);
  }

  /** Resolves when the cancel is on its way; a key that fits nothing is ignored, as by PostgreSQL. Never rejects. */
  async cancel({ processId, secretKey }: CancelKey): Promise<void> {
    const session = this.#sessions.get(processId);
    if (session === undefined || session.secretKey.length !== secretKey.length || !timingSafeEqual(session.secretKey, secretKey)) {
      return;
    }
    await session.cancel();
  }
}
