import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type ProgramEnd, runProgram } from '../clients/program.ts';
import { pythonWithDrivers } from '../clients/python-environment.ts';
import { nodeWithOrms, prisma } from './node-orms.ts';
import { type Store, startStore } from './store.ts';

const [python, folder] = await Promise.all([pythonWithDrivers(), nodeWithOrms()]);
const MINUTE = 60_000;

type Tool = {
  readonly name: string;
  readonly present: string | undefined;
  /** What its owner has done before, so that there is something to migrate. */
  readonly prepare: (ownerUrl: string) => Promise<ProgramEnd | undefined>;
  readonly migrate: (url: string) => Promise<ProgramEnd>;
  /** What it is told at its first statement. */
  readonly refusal: string;
};

const ALL: readonly Tool[] = [
  {
    name: 'Prisma Migrate',
    present: folder,
    prepare: (url) => prisma(folder ?? '', ['migrate', 'resolve', '--applied', '0000_store'], url),
    migrate: (url) => prisma(folder ?? '', ['migrate', 'deploy'], url),
    refusal: 'permission denied for function pg_advisory_lock',
  },
  {
    name: 'Drizzle',
    present: folder,
    prepare: () => Promise.resolve(undefined),
    migrate: (url) => runProgram(process.execPath, [join(folder ?? '', 'drizzle-session.mjs'), url, 'migrate']),
    refusal: '["42501","permission denied for CREATE SCHEMA"]',
  },
  {
    name: 'Alembic',
    present: python,
    prepare: () => Promise.resolve(undefined),
    migrate: (url) =>
      runProgram(python ?? '', [
        join(import.meta.dirname, 'python', 'sqlalchemy_session.py'),
        url.replace(/^postgres:/, 'postgresql+psycopg:'),
        'migrate',
      ]),
    refusal: '["42501", "permission denied for CREATE"]',
  },
];
const TOOLS = ALL.filter(({ present }) => present !== undefined);

let store: Store | undefined;
afterEach(async () => {
  await store?.stop();
  store = undefined;
});

const OBJECTS = `SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname`;

describe.skipIf(TOOLS.length === 0).for(TOOLS)('migrations by $name', ({ prepare, migrate, refusal }) => {
  it('are refused, and change nothing', { timeout: 2 * MINUTE }, async () => {
    store = await startStore();
    expect((await prepare(store.ownerUrl))?.code ?? 0).toBe(0);
    const before = await store.sql(OBJECTS);
    const { stdout, stderr } = await migrate(store.url);
    expect(stdout + stderr).toContain(refusal);
    expect(await store.sql(OBJECTS)).toEqual(before);
  });
});
