/**
 * `make regress SUITE=folder`: PostgreSQL's regression suite directly and through the proxy, statement by statement.
 * Writes the section of its version of PostgreSQL in `docs/regression.md`; where only some files are run, if asked to.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { sectionOf, tallyOf, withSection } from './report.ts';
import { runRegression } from './run-regression.ts';

const { values } = parseArgs({
  options: {
    suite: { type: 'string' },
    pg: { type: 'string' },
    source: { type: 'string' },
    only: { type: 'string' },
    jobs: { type: 'string' },
    details: { type: 'string' },
    write: { type: 'string' },
  },
});
const usage = (problem: string): never => {
  process.stderr.write(
    `${problem}\nmake regress SUITE=folder [PG=18] [SOURCE="PostgreSQL 18.0"] [ONLY=regex] [JOBS=3] [WRITE=1] [DETAILS=file]\n`,
  );
  process.exit(2);
};
const suite = values.suite ? resolve(values.suite) : usage('Which suite? Give the folder of its .sql files.');
const version =
  POSTGRES_VERSIONS.find((known) => String(known) === (values.pg || '18')) ?? usage(`There is no PostgreSQL ${values.pg} here.`);
const results = await runRegression({
  suite,
  version,
  only: values.only ? new RegExp(values.only) : undefined,
  jobs: Number(values.jobs || 1),
  details: values.details || undefined,
  log: (line) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`),
});
const section = sectionOf(
  version,
  { source: values.source || `PostgreSQL ${version}`, only: values.only || undefined, jobs: values.jobs || undefined },
  tallyOf(results),
);
process.stdout.write(section);
if (!values.only || values.write) {
  const path = join(import.meta.dirname, '..', '..', 'docs', 'regression.md');
  const before = existsSync(path) ? await readFile(path, 'utf8') : '';
  await writeFile(path, withSection(before, version, section));
}
