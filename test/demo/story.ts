/** How the demo speaks: headings, statements, and what came of them. Colour only on a terminal. */
import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

const paint = (format: Format, text: string): string => styleText(format, text, { stream: process.stdout });

const line = (text = ''): void => void process.stdout.write(`${text}\n`);

export const heading = (text: string): void => line(`\n${paint(['bold', 'cyan'], text)}`);

export const say = (text: string): void => line(`  ${text}`);

export const quote = (text: string): void => {
  for (const each of text.trimEnd().split('\n')) line(`    ${paint('dim', each)}`);
};

export const statement = (sql: string): void => line(`\n  ${paint('bold', `agent> ${sql}`)}`);

export type Verdict = 'allowed' | 'masked' | 'filtered' | 'blocked' | 'failed';

const COLOURS: Readonly<Record<Verdict, Format>> = {
  allowed: 'green',
  masked: 'yellow',
  filtered: 'yellow',
  blocked: 'red',
  failed: 'red',
};

const verdictMark = (verdict: Verdict): string => paint(COLOURS[verdict], verdict.padEnd(9));

const cell = (value: unknown): string => (value === null ? 'NULL' : typeof value === 'string' ? value : JSON.stringify(value));

/** Rows as a small table. */
export const rows = (verdict: Verdict, names: readonly string[], values: readonly (readonly unknown[])[]): void => {
  const table = [names, ...values.map((row) => row.map(cell))];
  const widths = names.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  for (const [index, row] of table.entries()) {
    const text = row.map((value, column) => value.padEnd(widths[column] ?? 0)).join('  ');
    line(`  ${index === 0 ? verdictMark(verdict) : ' '.repeat(9)} ${index === 0 ? paint('underline', text) : text}`);
  }
};

/** An error as the agent gets it. */
export const refusal = (verdict: Verdict, error: { code?: string; message: string; detail?: string; hint?: string }): void => {
  line(`  ${verdictMark(verdict)} ${error.code} ${error.message}`);
  if (error.detail !== undefined) line(`            DETAIL: ${error.detail}`);
  if (error.hint !== undefined) line(`            HINT:   ${error.hint}`);
};
