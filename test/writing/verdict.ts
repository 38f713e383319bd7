/**
 * What two answers to the same statement say about the airlock.
 */
import type { Answer, State } from './sides.ts';
import { CANARY } from './world.ts';

export type Verdict =
  /** The same rows and command tag, or the same SQLSTATE. */
  | { readonly type: 'Same'; readonly refused: boolean }
  /** Refused by both, for different reasons of several; or by PostgreSQL alone, which is explained. */
  | { readonly type: 'OtherReason'; readonly reason: string }
  /** PostgreSQL does it and the airlock does not. */
  | { readonly type: 'OverBlocked'; readonly reason: string }
  | { readonly type: 'Wrong'; readonly reason: string };

const failed = (answer: Answer): string => (answer.type === 'Failed' ? `${answer.code} ${answer.message}` : '');
const withoutNames = (text: string): string => text.replaceAll(/"[^"]*"+/g, '"…"');

/** Two constraints, or a constraint and a permission, which a row or a statement offends: which is met first is nobody's secret. */
const either = (one: string, other: string): boolean =>
  (/^(42501|0A000)$/.test(one) && /^(2[123]|42|0A|54)/.test(other)) || (one.startsWith('23') && other.startsWith('23'));

/** What the airlock refuses and PostgreSQL does not, and why that is so. */
const OVER_BLOCKED: readonly RegExp[] = [
  // A column that is added later would be in it.
  /^42501 permission denied for a whole row of relation/,
  // The conditions would have to be evaluated below the lock, where hidden rows still are.
  /^0A000 locking rows of "…", which has a row filter, by conditions that can fail/,
  /^0A000 ON CONFLICT ON CONSTRAINT of "…", of which the policy hides a part/,
  // No condition of MERGE says which rows it sees at all; before version 17 it does not say either what became of them.
  /MERGE into a relation with a row filter/,
  // Rows that are left out for what is hidden could not be counted.
  /^42501 permission denied for ON CONFLICT DO NOTHING with the rows of a query/,
  // MERGE that does nothing.
  /^42501 permission denied to update on relation/,
  // Row-level security has no masks.
  /^42501 permission denied to write a mask over column/,
  // PostgreSQL evaluates the WHERE of ON CONFLICT on the hidden row first, and only then says that it is hidden.
  /^42501 new row violates the row filter of relation/,
];

/** The reasons that nobody has explained. */
export const unexplained = (reasons: readonly string[]): readonly string[] =>
  reasons.filter((reason) => !OVER_BLOCKED.some((known) => known.test(reason)));

/** What PostgreSQL refuses and the airlock need not. */
const NEEDLESS: readonly { readonly text: RegExp; readonly message: RegExp; readonly why: string }[] = [
  { text: /ON CONFLICT.* DO NOTHING/, message: /^new row violates row-level security/, why: 'a row that is not inserted is not checked' },
  { text: /MERGE INTO/, message: /^target row violates row-level security policy \(USING/, why: 'MERGE passes over hidden rows' },
];

export const judge = (text: string, airlock: Answer, security: Answer): Verdict => {
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
  if (security.type === 'Failed') {
    const needless = NEEDLESS.find((one) => security.code === '42501' && one.text.test(text) && one.message.test(security.message));
    return needless === undefined
      ? { type: 'Wrong', reason: `allows what PostgreSQL refuses: ${failed(security)}` }
      : { type: 'OtherReason', reason: needless.why };
  }
  const part = (['command', 'count', 'columns', 'rows'] as const).find(
    (name) => JSON.stringify(airlock[name]) !== JSON.stringify(security[name]),
  );
  if (part === undefined) return { type: 'Same', refused: false };
  return { type: 'Wrong', reason: `${part} differ: ${JSON.stringify(airlock[part])} | ${JSON.stringify(security[part])}` };
};

const rowsOf = (state: State, table: string): readonly string[] =>
  table === 'sequences' ? [] : (JSON.parse(state[table] ?? '[]') as unknown[]).map((row) => JSON.stringify(row));

const only = (these: readonly string[], those: readonly string[]): readonly string[] => these.filter((row) => !those.includes(row));

/** The rows that only one of the two states has. */
export const stateDifference = (airlock: State, security: State): string | undefined => {
  const lines = Object.keys(security).flatMap((table) => {
    if (airlock[table] === security[table]) return [];
    const [one, other] = [rowsOf(airlock, table), rowsOf(security, table)];
    return [`${table}, airlock only: ${only(one, other).join(' ')}`, `${table}, row-level security only: ${only(other, one).join(' ')}`];
  });
  return lines.length === 0 ? undefined : lines.join('\n     ');
};

/** Compares which rows are left free of locks. */
export const judgeLocks = (airlock: State, security: State): Verdict => {
  const tables = Object.keys(security).filter((table) => airlock[table] !== security[table]);
  const fewer = tables.find((table) => only(rowsOf(airlock, table), rowsOf(security, table)).length > 0);
  if (fewer !== undefined) return { type: 'Wrong', reason: `does not lock rows that it selects: ${fewer}` };
  const hidden = tables.find((table) => only(rowsOf(security, table), rowsOf(airlock, table)).some((row) => /\b666\b/.test(row)));
  if (hidden !== undefined) return { type: 'Wrong', reason: `locks hidden rows: ${hidden}` };
  return tables.length === 0
    ? { type: 'Same', refused: false }
    : { type: 'Wrong', reason: `locks more rows than it selects: ${tables.join()}` };
};
