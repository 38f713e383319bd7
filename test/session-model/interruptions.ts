/**
 * The model's commands that come from elsewhere: another policy, and cancel requests.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { send } from '../support/raw-client.ts';
import { both, codeOf, type Command, compare, type Model, saidOf, say, type Sides } from './comparison.ts';
import { atBarrier, BARRIER, type Line } from './side.ts';
import { SYNCED, type Unit } from './units.ts';
import type { Variant } from './world.ts';

/** Another policy comes into force, whatever the session has open. */
export class Reloaded implements Command {
  readonly #variant: Variant;

  constructor(variant: Variant) {
    this.#variant = variant;
  }

  check = ({ over, variant }: Readonly<Model>): boolean => !over && variant !== this.#variant;

  async run(model: Model, { reload }: Sides): Promise<void> {
    await reload(this.#variant);
    model.variant = this.#variant;
    model.reloaded = true;
  }

  toString = (): string => `\n    Policy(${this.#variant})`;
}

/** Sends units at once, and a cancel request some time after: the two servers may be at different points by then. */
export class Cancelled implements Command {
  readonly #units: readonly Unit[];
  readonly #after: number;

  constructor(units: readonly Unit[], after: number) {
    this.#units = units.flatMap((of, index) => (units[index - 1]?.open === true && !of.open ? [SYNCED, of] : [of]));
    this.#after = after;
  }

  check = ({ over }: Readonly<Model>): boolean => !over;

  async run(model: Model, sides: Sides): Promise<void> {
    say(sides, model.open ? [SYNCED, ...this.#units] : this.#units, BARRIER);
    const answered = both(sides, atBarrier);
    await sleep(this.#after);
    await Promise.all([sides.proxy.cancel(), sides.plain.cancel()]);
    const [proxy, plain] = await answered;
    model.skipping = false;
    model.open = false;
    for (const lines of [proxy, plain]) {
      const cancelled = lines.filter(isCancel).length;
      if (cancelled > 1) throw new Error(`one request has canceled ${cancelled} statements`);
    }
    if (isCancelled(proxy) || isCancelled(plain)) {
      if (proxy.at(-1)?.text === 'hangs') throw new Error(`hangs after a cancel request: ${proxy.map(({ text }) => text).join('\n')}`);
      model.over = true;
    } else {
      model.over = compare(model, proxy, plain) || plain.at(-1)?.text === 'closed';
    }
    if (proxy.at(-1)?.text === 'closed') return;
    // Whatever it has hit, it does not hit what is sent when it is over.
    sides.proxy.write([send.query('SELECT 42 WHERE pg_sleep(0.002) IS NOT NULL')]);
    const next = await sides.proxy.read((lines) => lines.at(-1)?.frame.type === 'Z');
    const code = next.map(codeOf).find((found) => found !== undefined);
    if (code !== '25P02' && !next.some(({ text }) => text === 'D 42'))
      throw new Error(`the next statement says: ${next.map(({ text }) => text).join('\n')}`);
    if (!model.over) {
      sides.plain.write([send.query('SELECT 42 WHERE pg_sleep(0.002) IS NOT NULL')]);
      await sides.plain.read((lines) => lines.at(-1)?.frame.type === 'Z');
    }
  }

  toString = (): string => `\n    ${saidOf(this.#units)} cancelled after ${this.#after} ms`;
}

/** CopyFail has the same code. */
const isCancel = (line: Line): boolean => codeOf(line) === '57014' && line.text.includes('canceling statement');

const isCancelled = (lines: readonly Line[]): boolean => lines.some(isCancel);
