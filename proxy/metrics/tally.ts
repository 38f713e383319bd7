/**
 * Sums up between two scrapes, for prom-client looks labels up by hashing them at each call: what every statement counts costs a
 * look-up in a map, and a scrape the rest.
 */
import type { Counter, Histogram } from 'prom-client';

/** What is to be told to prom-client before it is asked. */
export type Tally = { readonly settle: () => void };

/** Counts for one counter; `key` stands for the labels, which are asked for when it is new. */
export class CounterTally<Label extends string> implements Tally {
  readonly #counter: Counter<Label>;
  readonly #sums = new Map<string, { readonly labels: Partial<Record<Label, string | number>>; value: number }>();

  constructor(counter: Counter<Label>) {
    this.#counter = counter;
  }

  add(key: string, value: number, labels: () => Partial<Record<Label, string | number>>): void {
    const sum = this.#sums.get(key);
    if (sum === undefined) this.#sums.set(key, { labels: labels(), value });
    else sum.value += value;
  }

  settle(): void {
    for (const { labels, value } of this.#sums.values()) this.#counter.inc(labels, value);
    this.#sums.clear();
  }
}

/** Values kept until a scrape, or until there are this many. */
const KEPT = 4_096;

/** Observes for one histogram without labels. */
export class HistogramTally implements Tally {
  readonly #histogram: Histogram;
  readonly #values = new Float64Array(KEPT);
  #count = 0;

  constructor(histogram: Histogram) {
    this.#histogram = histogram;
  }

  observe(value: number): void {
    this.#values[this.#count] = value;
    this.#count += 1;
    if (this.#count === KEPT) this.settle();
  }

  settle(): void {
    for (const value of this.#values.subarray(0, this.#count)) this.#histogram.observe(value);
    this.#count = 0;
  }
}
