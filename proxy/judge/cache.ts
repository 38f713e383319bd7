import type { JudgementMemory, Sharer } from './judgement-memory.ts';

/**
 * Judgements by text, least recently used first out, bounded by entries and by what all caches of a memory may weigh.
 */
export class JudgementCache<Value> implements Sharer {
  readonly #entries = new Map<string, { readonly value: Value; readonly weight: number }>();
  readonly #maxEntries: number;
  readonly #memory: JudgementMemory;
  #weight = 0;
  #closed = false;

  constructor(maxEntries: number, memory: JudgementMemory) {
    this.#maxEntries = maxEntries;
    this.#memory = memory;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** `weight`: bytes that the entry keeps alive. One that weighs more than a tenth of the memory is not kept. */
  set(key: string, value: Value, weight: number): void {
    if (this.#closed) return;
    // Two sessions may judge the same text at once.
    this.#drop(key);
    if (weight > this.#memory.bytes / 10) return;
    this.#entries.set(key, { value, weight });
    if (this.#entries.size > this.#maxEntries) this.dropOldest();
    this.#changed(weight);
  }

  dropOldest(): void {
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#drop(oldest);
  }

  clear(): void {
    this.#entries.clear();
    this.#changed(-this.#weight);
  }

  /** For good: whoever still asks is not remembered. */
  close(): void {
    this.#closed = true;
    this.clear();
  }

  get entries(): number {
    return this.#entries.size;
  }

  get weight(): number {
    return this.#weight;
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#changed(-entry.weight);
  }

  #changed(bytes: number): void {
    this.#weight += bytes;
    this.#memory.changed(this, bytes);
  }
}
