/**
 * Clients that are built here, once: each language's own tool knows what is new. What a machine lacks is told in a sentence.
 */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { madeOnce } from '../support/made-once.ts';
import { runProgram } from './program.ts';

/** A program or a folder of them; or, in a sentence, why there is none. */
type Built = { readonly path: string } | { readonly missing: string };

const CACHE = join(import.meta.dirname, '..', '..', '.cache');
const sources = (language: string): string => join(import.meta.dirname, language);

/** Undefined where it went well; otherwise why not. */
const failureOf = async (
  program: string,
  parameters: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string | undefined> => {
  try {
    const { code, stderr } = await runProgram(program, parameters, { env });
    return code === 0 ? undefined : `${program} ended with ${code}: ${stderr.trim().slice(-500)}`;
  } catch {
    return `${program} is not installed`;
  }
};

/** Does the program run with these parameters? */
export const missing = async (what: string, program: string, parameters: readonly string[]): Promise<string | undefined> =>
  (await failureOf(program, parameters)) === undefined ? undefined : `${what} is not installed`;

const build = (make: () => Promise<Built>): (() => Promise<Built>) => {
  let built: Promise<Built> | undefined;
  return () => (built ??= make());
};

export const goClients = build(async () => {
  const path = join(CACHE, 'go-clients');
  const failed = await failureOf('go', ['build', '-C', sources('go'), '-o', path, '.'], { GOFLAGS: '-mod=readonly' });
  return failed === undefined ? { path } : { missing: failed };
});

export const rustClients = build(async () => {
  const target = join(CACHE, 'rust-clients');
  const failed = await failureOf('cargo', ['build', '--quiet', '--locked', '--manifest-path', join(sources('rust'), 'Cargo.toml')], {
    CARGO_TARGET_DIR: target,
  });
  return failed === undefined ? { path: join(target, 'debug', 'airlock-clients') } : { missing: failed };
});

const JAVA = ['Steps.java', 'PgJdbc.java', 'HibernateSession.java'];
const COPY_DEPENDENCIES = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';

/** The class path. */
export const javaClients = build(async () => {
  let failed: string | undefined;
  const pom = join(sources('java'), 'pom.xml');
  const libraries = await madeOnce(join(CACHE, 'java-libraries'), await readFile(pom, 'utf8'), async () => {
    const parameters = ['-q', '-B', '-f', pom, COPY_DEPENDENCIES, `-DoutputDirectory=${join(CACHE, 'java-libraries')}`];
    failed = await failureOf('mvn', parameters);
    return failed === undefined;
  });
  if (libraries === undefined) return { missing: failed ?? 'its libraries could not be had' };
  const files = JAVA.map((file) => join(sources('java'), 'src', file));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const folder = join(CACHE, 'java-clients');
  const classes = await madeOnce(folder, texts.join('\n'), async () => {
    failed = await failureOf('javac', ['-nowarn', '-proc:none', '-d', folder, '-cp', join(libraries, '*'), ...files]);
    return failed === undefined;
  });
  return classes === undefined ? { missing: failed ?? 'javac failed' } : { path: `${classes}:${join(libraries, '*')}` };
});

/** PostgreSQL's ODBC driver, where Debian puts it. */
export const ODBC_DRIVER = '/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so';

/** A Python that has pyodbc. */
export const odbcPython = build(async () => {
  const driver = await access(ODBC_DRIVER).then(
    () => true,
    () => false,
  );
  if (!driver) return { missing: "PostgreSQL's ODBC driver is not installed" };
  const requirements = join(sources('odbc'), 'requirements.txt');
  const folder = join(CACHE, 'odbc-python');
  const python = join(folder, 'bin', 'python3');
  let failed: string | undefined;
  const made = await madeOnce(folder, await readFile(requirements, 'utf8'), async () => {
    failed = await failureOf('python3', ['-m', 'venv', folder]);
    failed ??= await failureOf(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
    return failed === undefined;
  });
  return made === undefined ? { missing: failed ?? 'no virtual environment' } : { path: python };
});
