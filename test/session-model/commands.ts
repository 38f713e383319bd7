/**
 * The model's commands: each sends the same to both sides, and compares all that comes back.
 */
import fc from 'fast-check';
import { send } from '../support/raw-client.ts';
import { both, type Command, compare, type Model, saidOf, say, type Sides } from './comparison.ts';
import { Cancelled, Reloaded } from './interruptions.ts';
import { atBarrier, BARRIER, type Line } from './side.ts';
import { everyName, extended, slow, SYNCED, type Unit, unit } from './units.ts';
import type { Variant } from './world.ts';

/** Sends units at once, and waits until all is answered. */
class Burst implements Command {
  readonly #units: readonly Unit[];

  constructor(units: readonly Unit[]) {
    // PostgreSQL has no answer to a Query where a Sync is due: "StartTransactionCommand: unexpected state STARTED".
    this.#units = units.flatMap((of, index) => (units[index - 1]?.open === true && !of.open ? [SYNCED, of] : [of]));
  }

  check = ({ over }: Readonly<Model>): boolean => !over;

  async run(model: Model, sides: Sides): Promise<void> {
    say(sides, model.open ? [SYNCED, ...this.#units] : this.#units, BARRIER);
    const [proxy, plain] = await both(sides, atBarrier);
    model.over = compare(model, proxy, plain) || plain.at(-1)?.text === 'closed';
    model.skipping = false;
    model.open = false;
  }

  toString = (): string => `\n    ${saidOf(this.#units)}`;
}

/** Sends messages of the extended protocol with a Flush: their transaction stays open. */
class Flushed implements Command {
  readonly #unit: Unit;

  constructor(of: Unit) {
    this.#unit = of;
  }

  check = ({ over }: Readonly<Model>): boolean => !over;

  async run(model: Model, sides: Sides): Promise<void> {
    say(sides, [this.#unit], [send.flush()]);
    if (model.skipping) return;
    const [proxy, plain] = await both(sides, (lines) => lines.some(isError) || lines.filter(isAnswer).length >= this.#unit.answers);
    model.over = compare(model, proxy, plain) || plain.at(-1)?.text === 'closed';
    model.skipping = plain.some(isError);
    model.open = !model.skipping;
  }

  toString = (): string => `\n    ${this.#unit.said} Flush`;
}

const isError = ({ frame }: Line): boolean => frame.type === 'E';
const isAnswer = ({ frame }: Line): boolean => ['1', '2', '3', 'T', 'n', 'C', 'I', 's'].includes(frame.type);

/** The end, at any point: units, and then the client goes. */
class End implements Command {
  readonly #units: readonly Unit[];
  readonly #way: 'Terminate' | 'HalfClose' | 'Vanish';

  constructor(units: readonly Unit[], way: 'Terminate' | 'HalfClose' | 'Vanish') {
    this.#units = units;
    this.#way = way;
  }

  check = ({ over }: Readonly<Model>): boolean => !over;

  async run(model: Model, sides: Sides): Promise<void> {
    model.over = true;
    // What waits for a Sync is not sent before it.
    const behind = this.#units.at(-1)?.open === true ? [SYNCED] : [];
    say(sides, [...(model.open ? [SYNCED] : []), ...this.#units, ...behind], this.#way === 'Terminate' ? [send.terminate()] : []);
    if (this.#way === 'Vanish') {
      sides.proxy.vanish();
      sides.plain.vanish();
      return;
    }
    if (this.#way === 'HalfClose') {
      sides.proxy.halfClose();
      sides.plain.halfClose();
    }
    compare(model, ...(await both(sides, () => false)));
  }

  toString = (): string => `\n    ${saidOf(this.#units)} ${this.#way}`;
}

const units = fc.array(unit, { minLength: 1, maxLength: 5 });

/** A conversation from the first statement to the last. */
export const conversation = (most: number): fc.Arbitrary<Iterable<Command>> =>
  fc.commands(
    [
      units.map((of) => new Burst(of)),
      units.map((of) => new Burst(of)),
      units.map((of) => new Burst(of)),
      extended.map((of) => new Flushed(of)),
      fc.constant(new Burst([everyName])),
      fc.oneof(
        { arbitrary: units.map((of) => new Burst(of)), weight: 3 },
        { arbitrary: fc.tuple(slow, units, fc.nat(30)).map(([first, rest, ms]) => new Cancelled([first, ...rest], ms)), weight: 2 },
        { arbitrary: fc.constantFrom<Variant>('Wide', 'Narrow').map((variant) => new Reloaded(variant)), weight: 1 },
      ),
      fc.tuple(fc.array(unit, { maxLength: 2 }), fc.constantFrom('Terminate', 'HalfClose', 'Vanish')).map(([of, way]) => new End(of, way)),
    ] as never,
    { maxCommands: most, size: '+1' },
  ) as never;
