/**
 * What two answers to the same statement say about the airlock.
 */
import type { Answer, State } from './sides.ts';
import { CANARY } from './world.ts';

export type Verdict =
  /** The same rows and command tag, or the same SQLSTATE. */
  | { readonly type: 'Same'; readonly refused: boolean }
  /** Refused by both, for different reasons of several. */
  | { readonly type: 'OtherReason'; readonly reason: string }
  /** PostgreSQL does it and the airlock does not. */
  | { readonly type: 'OverBlocked'; readonly reason: string }
  | { readonly type: 'Wrong'; readonly reason: string };

const failed = (answer: Answer): string => (answer.type === 'Failed' ? `${answer.code} ${answer.message}` : '');
const withoutNames = (text: string): string => text.replaceAll(/"[^"]*"+/g, '"…"');

/** A constraint and a permission, both of which a row or a statement offends: which is met first is nobody's secret. */
const either = (one: string, other: string): boolean => one === '42501' && /^(2[123]|42|0A|54)/.test(other);

export const judge = (airlock: Answer, security: Answer): Verdict => {
  if (JSON.stringify(airlock).includes(CANARY)) return { type: 'Wrong', reason: 'shows what is hidden' };
  if (airlock.type === 'Failed' && security.type === 'Failed') {
    if (airlock.code === security.code) return { type: 'Same', refused: true };
    const reason = withoutNames(`${failed(airlock)} | ${failed(security)}`);
    return either(airlock.code, security.code) || either(security.code, airlock.code)
      ? { type: 'OtherReason', reason }
      : { type: 'Wrong', reason: `errors differ: ${reason}` };
  }
  if (airlock.type === 'Failed') {
    const refused = airlock.code === '42501' || airlock.code === '0A000';
    return { type: refused ? 'OverBlocked' : 'Wrong', reason: withoutNames(failed(airlock)) };
  }
  if (security.type === 'Failed') return { type: 'Wrong', reason: `allows what PostgreSQL refuses: ${failed(security)}` };
  const part = (['command', 'count', 'columns', 'rows'] as const).find(
    (name) => JSON.stringify(airlock[name]) !== JSON.stringify(security[name]),
  );
  if (part === undefined) return { type: 'Same', refused: false };
  return { type: 'Wrong', reason: `${part} differ: ${JSON.stringify(airlock[part])} | ${JSON.stringify(security[part])}` };
};

/** The rows that only one of the two states has. */
export const stateDifference = (airlock: State, security: State): string | undefined => {
  const lines = Object.keys(security).flatMap((table) => {
    if (airlock[table] === security[table]) return [];
    const rows = (state: State): string[] =>
      table === 'sequences' ? [] : (JSON.parse(state[table] ?? '[]') as unknown[]).map((row) => JSON.stringify(row));
    const [one, other] = [rows(airlock), rows(security)];
    const only = (these: string[], those: string[]): string[] => these.filter((row) => !those.includes(row));
    return [`${table}, airlock only: ${only(one, other).join(' ')}`, `${table}, row-level security only: ${only(other, one).join(' ')}`];
  });
  return lines.length === 0 ? undefined : lines.join('\n     ');
};
