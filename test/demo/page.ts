/**
 * What the demo prints: headings, statements and what came of them. In colour where the terminal has it, and NO_COLOR is not set.
 */
import { styleText } from 'node:util';
import { SQLSTATE } from '../../kernel/sqlstate.ts';
import type { Answer } from './agent.ts';

type Style = Parameters<typeof styleText>[0];

const INDENT = ' '.repeat(12);
const SHOWN_ROWS = 2;

/** What became of a statement, by its audit record. */
const VERDICTS: Readonly<Record<'ALLOWED' | 'MASKED' | 'FILTERED' | 'UNDONE' | 'BLOCKED', Style>> = {
  ALLOWED: 'green',
  MASKED: 'yellow',
  FILTERED: 'cyan',
  UNDONE: 'red',
  BLOCKED: 'red',
};

const verdictOf = ({ decided: { decision, masked, filtered }, error }: Answer): keyof typeof VERDICTS => {
  if (decision === 'Deny') return 'BLOCKED';
  // It was let through, and what it then did was not.
  if (error?.code === SQLSTATE.insufficientPrivilege) return 'UNDONE';
  if (masked.length > 0) return 'MASKED';
  return filtered.length > 0 ? 'FILTERED' : 'ALLOWED';
};

const paint = (style: Style, text: string): string => styleText(style, text, { stream: process.stdout });

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** A number and a few words. */
export const heading = (title: string): void => print(`\n${paint(['bold', 'underline'], title)}`);

/** A sentence of the narrator. */
export const say = (text: string): void => print(text);

/** Lines that are quoted: of a file, a log, another command. */
export const quote = (text: string): void => {
  for (const line of text.trimEnd().split('\n')) print(paint('dim', `  | ${line}`));
};

/** A command that is run, as one would type it. */
export const command = (text: string): void => print(`${paint('dim', '$')} ${paint('bold', text)}`);

const table = (columns: readonly string[], rows: Answer['rows']): readonly string[] => {
  const cells = [columns, ...rows.map((row) => row.map((value) => value ?? 'NULL'))];
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join(' | ')
      .trimEnd(),
  );
};

/** Short where it can be: one row is one line. */
const resultLines = ({ columns, rows, tag }: Answer): readonly string[] => {
  if (tag !== undefined) return [tag];
  if (rows.length === 0) return ['(0 rows)'];
  const shown = rows.slice(0, SHOWN_ROWS);
  const rest = rows.length > shown.length ? [`... and ${rows.length - shown.length} more`] : [];
  if (columns.length === 0) return [...shown.map(([line]) => line ?? ''), ...rest];
  const [first] = rows;
  if (rows.length === 1) return [columns.map((column, index) => `${column} = ${first?.[index] ?? 'NULL'}`).join(' | ')];
  return [...table(columns, shown), ...rest];
};

const errorLines = (error: NonNullable<Answer['error']>): readonly string[] => [
  `${error.severity} ${error.code}: ${error.message}`,
  ...(error.detail === undefined ? [] : [`DETAIL: ${error.detail}`]),
  ...(error.hint === undefined ? [] : [`HINT: ${error.hint}`]),
];

/** A statement and what came of it. */
export const tell = (answer: Answer): void => {
  const parameters = answer.parameters.map((value, index) => `$${index + 1} = '${value}'`).join(', ');
  print(`${paint('dim', 'agent>')} ${paint('bold', answer.sql)}${parameters === '' ? '' : paint('dim', `  -- ${parameters}`)}`);
  const verdict = verdictOf(answer);
  const lines = answer.error === undefined ? resultLines(answer) : errorLines(answer.error);
  for (const [index, line] of lines.entries()) {
    print(`${index === 0 ? `  ${paint(VERDICTS[verdict], verdict.padEnd(10))}` : INDENT}${line}`);
  }
};
