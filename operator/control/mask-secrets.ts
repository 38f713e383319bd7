/**
 * The Secrets with keys of masks. The operator may get a Secret, and neither list nor watch any: so it asks again and again.
 */
import type { Logger } from 'pino';
import { type Kube, KubeFailure, type KubeObject } from '../kube/kube.ts';

export type MaskSecret =
  | { readonly type: 'Found'; readonly data: Readonly<Record<string, string>> }
  | { readonly type: 'Missing' }
  /** It has not been read yet. */
  | { readonly type: 'Unknown' };

export type MaskSecretsOptions = {
  readonly kube: Kube;
  readonly log: Logger;
  /** `namespace/name` of those that policies name now. */
  readonly wanted: () => ReadonlySet<string>;
  readonly onChange: (key: string) => void;
  /** Milliseconds between two looks at all, and at those that are missing. */
  readonly everyMs?: number;
  readonly missingMs?: number;
  /** How long one that cannot be read holds up the bundles that it is for. */
  readonly patienceMs?: number;
};

const EVERY = 15_000;
const MISSING = 2_000;
const PATIENCE = 20_000;
const AT_A_TIME = 8;

const UNKNOWN: MaskSecret = { type: 'Unknown' };

export class MaskSecrets {
  readonly #options: MaskSecretsOptions;
  readonly #known = new Map<string, MaskSecret>();
  readonly #asked = new Set<string>();
  /** Since when those that never were read cannot be. */
  readonly #failing = new Map<string, number>();
  readonly #timers: readonly NodeJS.Timeout[];
  #stopped = false;

  constructor(options: MaskSecretsOptions) {
    this.#options = options;
    const { everyMs = EVERY, missingMs = MISSING } = options;
    this.#timers = [
      setInterval(() => void this.#refresh(() => true), everyMs),
      setInterval(() => void this.#refresh((secret) => secret.type !== 'Found'), missingMs),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  /** What is known of it; one that nobody has asked for before is read now. */
  get(key: string): MaskSecret {
    const known = this.#known.get(key);
    if (known === undefined) void this.#read(key);
    return known ?? UNKNOWN;
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
  }

  async #refresh(which: (secret: MaskSecret) => boolean): Promise<void> {
    const wanted = this.#options.wanted();
    for (const key of this.#known.keys()) if (!wanted.has(key)) this.#known.delete(key);
    for (const key of this.#failing.keys()) if (!wanted.has(key)) this.#failing.delete(key);
    const keys = [...wanted].filter((key) => which(this.#known.get(key) ?? UNKNOWN));
    const work = async (): Promise<void> => {
      for (let key = keys.pop(); key !== undefined && !this.#stopped; key = keys.pop()) await this.#read(key);
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
  }

  async #read(key: string): Promise<void> {
    if (this.#asked.has(key) || this.#stopped) return;
    this.#asked.add(key);
    try {
      const found = await this.#ask(key);
      const before = this.#known.get(key);
      this.#known.set(key, found);
      if (JSON.stringify(before) !== JSON.stringify(found) && !this.#stopped) this.#options.onChange(key);
      this.#failing.delete(key);
    } catch (error) {
      this.#failed(key, error);
    } finally {
      this.#asked.delete(key);
    }
  }

  /** What was known stays: not the Secret is gone, but the API server. What never was known is waited for, and not for ever. */
  #failed(key: string, error: unknown): void {
    this.#options.log.warn({ err: error, secret: key }, 'could not read a Secret with the key of a mask');
    if (this.#known.has(key) || this.#stopped) return;
    const since = this.#failing.get(key) ?? performance.now();
    this.#failing.set(key, since);
    if (performance.now() - since < (this.#options.patienceMs ?? PATIENCE)) return;
    this.#known.set(key, { type: 'Missing' });
    this.#options.onChange(key);
  }

  async #ask(key: string): Promise<MaskSecret> {
    const [namespace = '', name = ''] = key.split('/');
    try {
      const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
      const { data } = await this.#options.kube.request<KubeObject>('GET', path, { timeoutMs: 10_000 });
      return { type: 'Found', data: (data ?? {}) as Readonly<Record<string, string>> };
    } catch (error) {
      if (!(error instanceof KubeFailure)) throw error;
      // To be refused is an answer too: pods would wait without end for a bundle, or for an edit of it. What was found once stays.
      const isRefused = error.status === 403 && this.#known.get(key)?.type !== 'Found';
      if (error.status === 404 || isRefused) return { type: 'Missing' };
      throw error;
    }
  }
}
