import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type ProgramEnd, runProgram } from '../clients/program.ts';
import { pythonWithClients, pythonWithDrivers } from '../clients/python-environment.ts';
import { nodeWithOrms, prisma } from './node-orms.ts';
import { type More, type Store, startStore } from './store.ts';

const [python, clients, folder] = await Promise.all([pythonWithDrivers(), pythonWithClients(), nodeWithOrms()]);
const MINUTE = 60_000;

type Tool = {
  readonly name: string;
  readonly present: string | undefined;
  /** The table that its migration makes. */
  readonly table: string;
  /** What its owner has done before, so that there is something to migrate. */
  readonly prepare: (ownerUrl: string) => Promise<ProgramEnd | undefined>;
  readonly migrate: (url: string) => Promise<ProgramEnd>;
  /** What it is told at its first statement. */
  readonly refusal: string;
};

const ALL: readonly Tool[] = [
  {
    name: 'Prisma Migrate',
    table: 'prisma_notes',
    present: folder,
    prepare: (url) => prisma(folder ?? '', ['migrate', 'resolve', '--applied', '0000_store'], url),
    migrate: (url) => prisma(folder ?? '', ['migrate', 'deploy'], url),
    refusal: 'permission denied for function pg_advisory_lock',
  },
  {
    name: 'Drizzle',
    table: 'drizzle_notes',
    present: folder,
    prepare: () => Promise.resolve(undefined),
    migrate: (url) => runProgram(process.execPath, [join(folder ?? '', 'drizzle-session.mjs'), url, 'migrate']),
    refusal: '["42501","permission denied for CREATE',
  },
  {
    name: 'Alembic',
    table: 'alembic_notes',
    present: python,
    prepare: () => Promise.resolve(undefined),
    migrate: (url) =>
      runProgram(python ?? '', [
        join(import.meta.dirname, 'python', 'sqlalchemy_session.py'),
        url.replace(/^postgres:/, 'postgresql+psycopg:'),
        'migrate',
      ]),
    refusal: '["42501", "permission denied for CREATE',
  },
  {
    name: 'Django',
    table: 'django_notes',
    present: clients,
    prepare: () => Promise.resolve(undefined),
    migrate: (url) => runProgram(clients ?? '', [join(import.meta.dirname, 'python', 'django_migration.py'), url]),
    refusal: 'permission denied for CREATE',
  },
];
const TOOLS = ALL.filter(({ present }) => present !== undefined);

let store: Store | undefined;
afterEach(async () => {
  await store?.stop();
  store = undefined;
});

/** What a policy says for agents that migrate: a rule for the definitions, and the tables in which each tool notes what it did. */
const NOTED = ['public._prisma_migrations', 'public.__drizzle_migrations', 'public.alembic_version', 'public.django_migrations'];
const MIGRATING: More = {
  rules: [{ name: 'migrations', match: { statements: ['Create', 'Alter'], schemas: ['public'] }, action: 'Allow' }],
  functions: [{ name: 'pg_catalog.pg_advisory_lock' }],
  relations: NOTED.map((name) => ({
    name,
    select: { columns: ['*'] },
    insert: { columns: ['*'] },
    update: { columns: ['*'] },
    delete: {},
  })),
};

/** What a tool prints of an error. */
const REFUSED = /(permission denied|"migrated": ?\[).*/;

const OBJECTS = `SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname`;

describe.skipIf(TOOLS.length === 0).for(TOOLS)('migrations by $name', ({ table, prepare, migrate, refusal }) => {
  it('are refused, and change nothing', { timeout: 2 * MINUTE }, async () => {
    store = await startStore();
    expect((await prepare(store.ownerUrl))?.code ?? 0).toBe(0);
    const before = await store.sql(OBJECTS);
    const { stdout, stderr } = await migrate(store.url);
    expect(stdout + stderr).toContain(refusal);
    expect(await store.sql(OBJECTS)).toEqual(before);
  });

  it('are done where a rule lets them, and once', { timeout: 2 * MINUTE }, async () => {
    store = await startStore(MIGRATING);
    expect((await prepare(store.ownerUrl))?.code ?? 0).toBe(0);
    const first = await migrate(store.url);
    expect({ code: first.code, told: REFUSED.exec(first.stdout + first.stderr)?.[0] }).toEqual({ code: 0, told: undefined });
    const columns = await store.sql(
      `SELECT column_name FROM information_schema.columns WHERE table_name = '${table}' ORDER BY ordinal_position`,
    );
    expect(columns.map(({ column_name: name }) => name)).toEqual(['id', 'customer_id', 'body', 'done']);
    const before = await store.sql(OBJECTS);
    expect((await migrate(store.url)).code).toBe(0);
    expect(await store.sql(OBJECTS)).toEqual(before);
  });
});
