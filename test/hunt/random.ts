/** A random number generator with a seed: the same seed gives the same run. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0 and below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(values: readonly T[]): T {
    const value = values[Math.floor(this.next() * values.length)];
    if (value === undefined) throw new Error('nothing to pick from');
    return value;
  }

  /** `count` of the values, or all, in random order. */
  some<T>(values: readonly T[], count: number): T[] {
    const left = [...values];
    const taken: T[] = [];
    while (taken.length < count && left.length > 0) taken.push(...left.splice(this.whole(0, left.length - 1), 1));
    return taken;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.whole(0, 255)));
  }

  /** Letters and digits, beginning with a letter. */
  word(least: number, most = least): string {
    const letters = 'bcdfghjklmnpqrstvwxz';
    const all = `${letters}0123456789`;
    const length = this.whole(least, most);
    return Array.from({ length }, (_, index) => this.pick((index === 0 ? letters : all).split(''))).join('');
  }

  digits(length: number): string {
    return Array.from({ length }, (_, index) => String(this.whole(index === 0 ? 1 : 0, 9))).join('');
  }
}

/** The seed of a run: `SEED` of the environment; a random one where `name` asks for a run of its own size; and in `make test` always the same. */
export const seedOf = (environment: NodeJS.ProcessEnv, name: string): number => {
  const given = environment['SEED'];
  if (given) return Number(given);
  return environment[name] ? Math.floor(Math.random() * 2 ** 31) : 2026;
};

/** The run's size: `name=` of the environment, or what `make test` takes. */
export const countOf = (environment: NodeJS.ProcessEnv, name: string, usual: number): number => Number(environment[name] || usual);
