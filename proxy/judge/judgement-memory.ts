/**
 * How much all that is remembered of judgements may weigh, in the whole process.
 */

/** What takes part in the memory. */
export type Sharer = {
  /** Bytes, estimated. */
  readonly weight: number;
  /** Forgets what was not used for longest. */
  readonly dropOldest: () => void;
};

/** No agent's flood of texts costs others what is within their share. */
export class JudgementMemory {
  readonly bytes: number;
  /** Those that hold something. */
  readonly #sharers = new Set<Sharer>();
  #weight = 0;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  get weight(): number {
    return this.#weight;
  }

  /** Told of what `sharer` holds more, or less, than before. */
  changed(sharer: Sharer, bytes: number): void {
    this.#weight += bytes;
    if (sharer.weight > 0) this.#sharers.add(sharer);
    else this.#sharers.delete(sharer);
    while (this.#weight > this.bytes) this.#heaviest(sharer).dropOldest();
  }

  /** Whoever asks for more pays, where it has more than its share. */
  #heaviest(asking: Sharer): Sharer {
    if (asking.weight * this.#sharers.size > this.bytes) return asking;
    let heaviest = asking;
    for (const sharer of this.#sharers) if (sharer.weight > heaviest.weight) heaviest = sharer;
    return heaviest;
  }
}
