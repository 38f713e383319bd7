/**
 * The model's commands: each sends the same to both sides, and compares all that comes back.
 */
import fc from 'fast-check';
import { type RawFrame, responseFields, send } from '../support/raw-client.ts';
import { atBarrier, BARRIER, type Line, type Side } from './side.ts';
import { FAILS } from './statements.ts';
import { everyName, extended, SYNCED, type Unit, unit } from './units.ts';

/** What has to be known of a conversation to go on with it. */
export type Model = {
  /** The server passes over everything up to a Sync. */
  skipping: boolean;
  /** Messages of the extended protocol wait for their Sync. */
  open: boolean;
  over: boolean;
};

export type Sides = { readonly proxy: Side; readonly plain: Side };

type Command = fc.AsyncCommand<Model, Sides>;

/** Codes of names that nothing stands for. */
const NAMES_NOTHING = new Set(['26000', '34000', '42P01', '3F000', '42883']);

const codeOf = ({ frame }: Line): string | undefined => (frame.type === 'E' ? responseFields(frame)['C'] : undefined);

const isRefused = (frame: RawFrame): boolean =>
  frame.type === 'E' && responseFields(frame)['M']?.startsWith(`syntax error at or near "${FAILS.split(' ')[0]}"`) === true;

const sameLine = (proxy: Line, plain: Line): boolean => {
  if (isRefused(plain.frame)) return ['42501', '0A000', '42883', '42P01', '42601'].includes(codeOf(proxy) ?? '');
  return proxy.text === plain.text;
};

/**
 * A text is judged before it runs, so that what it names has to be there at the beginning: the proxy tells of it first, and what
 * stands before it in the text is not done.
 */
const isToldFirst = (proxy: Line, rest: readonly Line[]): boolean => {
  const code = codeOf(proxy);
  // What SQL prepared has to be prepared again where the search_path is another: nobody looks its names up again.
  if (code === '55000' && proxy.text.includes('made under another search_path')) return true;
  if (proxy.text.includes('Describe of a FETCH')) return true;
  // Parse of EXECUTE, of what is not prepared.
  if (code === '26000' && rest[0]?.text === '1') return true;
  return code !== undefined && NAMES_NOTHING.has(code) && rest.some((line) => codeOf(line) !== undefined);
};

/** Throws where the two differ. True: the conversation cannot go on, for the two sides are no longer in the same state. */
const compare = (proxy: readonly Line[], plain: readonly Line[]): boolean => {
  for (let index = 0; index < Math.max(proxy.length, plain.length); index += 1) {
    const [one, other] = [proxy[index], plain[index]];
    if (one !== undefined && other !== undefined && sameLine(one, other)) continue;
    if (one !== undefined && isToldFirst(one, plain.slice(index))) return true;
    const told = (lines: readonly Line[]): string => lines.map(({ text }, at) => `  ${at === index ? '>' : ' '} ${text}`).join('\n');
    throw new Error(`the two sides differ\n proxy:\n${told(proxy)}\n plain:\n${told(plain)}`);
  }
  return false;
};

const both = async ({ proxy, plain }: Sides, done: (lines: readonly Line[]) => boolean): Promise<readonly [Line[], Line[]]> =>
  Promise.all([proxy.read(done), plain.read(done)]);

const say = ({ proxy, plain }: Sides, units: readonly Unit[], behind: readonly Buffer[]): void => {
  proxy.write([...units.flatMap(({ toProxy }) => toProxy), ...behind]);
  plain.write([...units.flatMap(({ toPlain }) => toPlain), ...behind]);
};

const saidOf = (units: readonly Unit[]): string => units.map(({ said }) => said).join(' ');

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
    model.over = compare(proxy, plain) || plain.at(-1)?.text === 'closed';
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
    model.over = compare(proxy, plain) || plain.at(-1)?.text === 'closed';
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
    compare(...(await both(sides, () => false)));
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
      fc.tuple(fc.array(unit, { maxLength: 2 }), fc.constantFrom('Terminate', 'HalfClose', 'Vanish')).map(([of, way]) => new End(of, way)),
    ] as never,
    { maxCommands: most, size: '+1' },
  ) as never;
