/**
 * The two sides next to each other: what both are sent, and what comes back, line by line.
 */
import type fc from 'fast-check';
import { type RawFrame, responseFields } from '../support/raw-client.ts';
import type { Line, Side } from './side.ts';
import { FAILS } from './statements.ts';
import type { Unit } from './units.ts';
import type { Variant } from './world.ts';

/** What has to be known of a conversation to go on with it. */
export type Model = {
  /** The server passes over everything up to a Sync. */
  skipping: boolean;
  /** Messages of the extended protocol wait for their Sync. */
  open: boolean;
  over: boolean;
  /** Which policy is in force. */
  variant: Variant;
  /** It was another one before. */
  reloaded: boolean;
};

export type Sides = { readonly proxy: Side; readonly plain: Side; readonly reload: (variant: Variant) => Promise<void> };

export type Command = fc.AsyncCommand<Model, Sides>;

/** Codes of names that nothing stands for. */
const NAMES_NOTHING = new Set(['26000', '34000', '42P01', '3F000', '42883']);

export const codeOf = ({ frame }: Line): string | undefined => (frame.type === 'E' ? responseFields(frame)['C'] : undefined);

const isRefused = (frame: RawFrame): boolean =>
  frame.type === 'E' && responseFields(frame)['M']?.startsWith(`syntax error at or near "${FAILS.split(' ')[0]}"`) === true;

const sameLine = (proxy: Line, plain: Line): boolean => {
  if (isRefused(plain.frame)) return ['42501', '0A000', '42883', '42P01', '42601'].includes(codeOf(proxy) ?? '');
  if (proxy.text === plain.text) return true;
  return codeOf(proxy) === '42501' ? codeOf(plain) === '42501' : told(proxy) === told(plain);
};

/** One policy masks the names, and the plain server has no masks. */
const told = ({ text }: Line): string => text.replaceAll(/veiled|name [1-4]\b/g, 'NAME');

/** What the narrow policy does not grant. */
const WITHDRAWN = /(name|other) [1-4]\b/;

/**
 * Rights are looked at when a statement is parsed and described, too, where PostgreSQL does so when it runs; and what was opened under
 * another policy does not go on where its text would be another one by now.
 */
const isWithdrawn = (proxy: Line, { reloaded }: Model): boolean => reloaded && ['42501', '55000'].includes(codeOf(proxy) ?? '');

/**
 * A text is judged before it runs, so that what it names has to be there at the beginning: the proxy tells of it first, and what
 * stands before it in the text is not done.
 */
const isToldFirst = (proxy: Line, rest: readonly Line[]): boolean => {
  const code = codeOf(proxy);
  // What SQL prepared has to be prepared again where the search_path is another: nobody looks its names up again.
  if (code === '55000' && proxy.text.includes('made under another search_path')) return true;
  if (proxy.text.includes('Describe of a FETCH')) return true;
  // EXECUTE of what only Parse can prepare.
  if (proxy.text.includes('which changes the session')) return true;
  // A portal whose Bind has failed: PostgreSQL keeps the name until the transaction ends, with nothing behind it.
  if (code === '34000' && rest[0]?.text === 'n') return true;
  // Parse of what PostgreSQL looks up when it runs: EXECUTE, COPY.
  if (code !== undefined && NAMES_NOTHING.has(code) && rest[0]?.text === '1') return true;
  return code !== undefined && NAMES_NOTHING.has(code) && rest.some((line) => codeOf(line) !== undefined);
};

/** Throws where the two differ. True: the conversation cannot go on, for the two sides are no longer in the same state. */
export const compare = (model: Model, proxy: readonly Line[], plain: readonly Line[]): boolean => {
  const leaked = model.variant === 'Narrow' ? proxy.find(({ text }) => WITHDRAWN.test(text)) : undefined;
  if (leaked !== undefined) throw new Error(`is not granted any more: ${leaked.text}`);
  for (let index = 0; index < Math.max(proxy.length, plain.length); index += 1) {
    const [one, other] = [proxy[index], plain[index]];
    if (one !== undefined && other !== undefined && sameLine(one, other)) continue;
    if (one !== undefined && (isToldFirst(one, plain.slice(index)) || isWithdrawn(one, model))) return true;
    const listed = (lines: readonly Line[]): string => lines.map(({ text }, at) => `  ${at === index ? '>' : ' '} ${text}`).join('\n');
    throw new Error(`the two sides differ\n proxy:\n${listed(proxy)}\n plain:\n${listed(plain)}`);
  }
  return false;
};

export const both = async ({ proxy, plain }: Sides, done: (lines: readonly Line[]) => boolean): Promise<readonly [Line[], Line[]]> =>
  Promise.all([proxy.read(done), plain.read(done)]);

export const say = ({ proxy, plain }: Sides, units: readonly Unit[], behind: readonly Buffer[]): void => {
  proxy.write([...units.flatMap(({ toProxy }) => toProxy), ...behind]);
  plain.write([...units.flatMap(({ toPlain }) => toPlain), ...behind]);
};

export const saidOf = (units: readonly Unit[]): string => units.map(({ said }) => said).join(' ');
