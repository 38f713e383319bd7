/**
 * Judgements by text, least recently used first out, bounded by entries and by characters.
 */
export class JudgementCache<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly size: number }>();
  readonly #maxEntries: number;
  readonly #maxSize: number;
  #size = 0;

  constructor(maxEntries: number, maxSize: number) {
    this.#maxEntries = maxEntries;
    this.#maxSize = maxSize;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** `size`: characters that the entry keeps alive. An entry larger than a tenth of the cache is not kept. */
  set(key: string, value: Value, size: number): void {
    if (size > this.#maxSize / 10) return;
    // Two sessions may judge the same text at once.
    this.#size -= this.#entries.get(key)?.size ?? 0;
    this.#entries.delete(key);
    this.#entries.set(key, { value, size });
    this.#size += size;
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= this.#maxEntries && this.#size <= this.#maxSize) break;
      this.#entries.delete(oldest);
      this.#size -= entry.size;
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#size = 0;
  }

  get entries(): number {
    return this.#entries.size;
  }
}
