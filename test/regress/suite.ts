/**
 * The suite as a folder: its files in an order in which what later ones need is there.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export type SuiteFile = { readonly name: string; readonly text: string };

/** What `parallel_schedule` of PostgreSQL has ahead of others because they build on it; the rest goes by name. */
const FIRST = `
  test_setup create_function_c create_misc create_operator create_procedure create_table create_type create_schema create_index
  create_index_spgist create_view copy copyselect copydml insert insert_conflict create_function_sql create_aggregate
`
  .trim()
  .split(/\s+/);

/** As in the schedule: it moves what others have made. */
const LAST = ['tablespace'];

const rank = (name: string): number => (LAST.includes(name) ? 1000 : FIRST.includes(name) ? FIRST.indexOf(name) : 500);

export const readSuite = async (folder: string, only?: RegExp): Promise<readonly SuiteFile[]> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).map((name) => name.slice(0, -4));
  const wanted = names.filter((name) => only === undefined || rank(name) === 0 || only.test(name));
  const sorted = wanted.toSorted((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
  return await Promise.all(sorted.map(async (name) => ({ name, text: await readFile(join(folder, `${name}.sql`), 'utf8') })));
};

/** What most files need of others. */
const BASE = ['test_setup', 'create_misc', 'create_operator', 'create_table', 'create_type'];

/** Several suites, each with what most files need, and with some of the others: files beside each other stay together. */
export const partsOf = (files: readonly SuiteFile[], number: number): readonly (readonly SuiteFile[])[] => {
  if (number <= 1) return [files];
  const isBase = ({ name }: SuiteFile): boolean => BASE.includes(name);
  const others = files.filter((file) => !isBase(file)).toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const size = others.reduce((sum, { text }) => sum + text.length, 0) / number;
  let before = 0;
  const parts = new Map<SuiteFile, number>();
  for (const file of others) {
    parts.set(file, Math.floor(before / size));
    before += file.text.length;
  }
  return Array.from({ length: number }, (_, part) => files.filter((file) => isBase(file) || parts.get(file) === part));
};
