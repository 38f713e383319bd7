/** A change of one name, or of all of them, that the server has yet to confirm. */
export type NameChange<T> = {
  /** Undefined: every name is dropped. */
  readonly key: string | undefined;
  /** Undefined: the name is dropped. */
  readonly value: T | undefined;
  readonly segment: number;
  readonly order: number;
};

/** `Uncertain`: a change sent in an earlier segment has not been answered, and may fail while what follows runs. */
export type NameLookup<T> = { readonly type: 'Certain' | 'Uncertain'; readonly value: T | undefined };

/** `NAMEDATALEN - 1`: PostgreSQL tells names apart by this many bytes. */
const NAME_BYTES = 63;

/** A name of this many characters is never cut: one of them is three bytes at most. */
const SHORT_NAME = NAME_BYTES / 3;

/** A short name is its own key. INVARIANT: a cut one is longer than any of these, so that no two names share a key by accident. */
const keyOf = (name: string): string => (name.length <= SHORT_NAME ? name : Buffer.from(name, 'utf8').toString('latin1', 0, NAME_BYTES));

/**
 * Names that the server keeps (statements, portals), as it will know them when it reaches the message at hand.
 * Messages of one segment (up to a Sync, or to a Query) fail together, so within it a change may be relied on at once;
 * a change of an earlier segment only when it has been answered.
 */
export class NameRegistry<T> {
  readonly #confirmed = new Map<string, T>();
  /** The one without a name, which nearly every statement replaces. */
  #unnamed: T | undefined;
  readonly #pending = new Map<string, NameChange<T>[]>();
  readonly #weigh: (value: T) => number;
  readonly #pendingClears: NameChange<T>[] = [];
  #order = 0;
  /** What all values weigh that are kept, pending ones too. */
  weight = 0;

  constructor(weigh: (value: T) => number = () => 1) {
    this.#weigh = weigh;
  }

  propose(name: string | undefined, value: T | undefined, segment: number): NameChange<T> {
    this.#order += 1;
    this.weight += this.#weighed(value);
    const change: NameChange<T> = { key: name === undefined ? undefined : keyOf(name), value, segment, order: this.#order };
    if (change.key === undefined) {
      this.#pendingClears.push(change);
    } else {
      const changes = this.#pending.get(change.key);
      if (changes === undefined) {
        this.#pending.set(change.key, [change]);
      } else {
        changes.push(change);
      }
    }
    return change;
  }

  lookup(name: string, segment: number): NameLookup<T> {
    const key = keyOf(name);
    const change = this.#pending.get(key)?.at(-1);
    const clear = this.#pendingClears.at(-1);
    const last = clear !== undefined && (change === undefined || clear.order > change.order) ? clear : change;
    if (last === undefined) {
      return { type: 'Certain', value: key === '' ? this.#unnamed : this.#confirmed.get(key) };
    }
    // A change of this segment decides, whatever became of the earlier ones: either it worked, or the message at hand is skipped.
    return { type: last.segment === segment ? 'Certain' : 'Uncertain', value: last.value };
  }

  confirm(change: NameChange<T>): void {
    this.#settle(change);
    if (change.key === undefined) {
      this.#drop('');
      for (const key of this.#confirmed.keys()) {
        this.#drop(key);
      }
      return;
    }
    this.#drop(change.key);
    if (change.key === '') {
      this.#unnamed = change.value;
    } else if (change.value !== undefined) {
      this.#confirmed.set(change.key, change.value);
    }
  }

  discard(change: NameChange<T>): void {
    if (this.#settle(change)) {
      this.weight -= this.#weighed(change.value);
    }
  }

  /** Takes it from what is pending; false: it was not. */
  #settle(change: NameChange<T>): boolean {
    const changes = change.key === undefined ? this.#pendingClears : (this.#pending.get(change.key) ?? []);
    const index = changes.indexOf(change);
    if (index < 0) {
      return false;
    }
    if (index === 0) {
      changes.shift();
    } else {
      changes.splice(index, 1);
    }
    if (change.key !== undefined && change.key !== '' && changes.length === 0) {
      this.#pending.delete(change.key);
    }
    return true;
  }

  #drop(key: string): void {
    if (key === '') {
      this.weight -= this.#weighed(this.#unnamed);
      this.#unnamed = undefined;
      return;
    }
    const value = this.#confirmed.get(key);
    if (value !== undefined) {
      this.weight -= this.#weighed(value);
      this.#confirmed.delete(key);
    }
  }

  #weighed(value: T | undefined): number {
    return value === undefined ? 0 : this.#weigh(value);
  }

  /** Keeps of the confirmed names those that `keep` says, and of these the newest `limit`. */
  retain(keep: (value: T) => boolean, limit: number): void {
    if (this.#unnamed !== undefined && !keep(this.#unnamed)) {
      this.#drop('');
    }
    for (const [key, value] of this.#confirmed) {
      if (!keep(value)) {
        this.#drop(key);
      }
    }
    for (const key of this.#confirmed.keys()) {
      if (this.#confirmed.size <= limit) {
        break;
      }
      this.#drop(key);
    }
  }
}
