import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runProgram } from '../clients/program.ts';
import { pythonWithDrivers } from '../clients/python-environment.ts';
import { nodeWithOrms } from './node-orms.ts';
import { CANARY, type Store, startStore } from './store.ts';

const [python, folder] = await Promise.all([pythonWithDrivers(), nodeWithOrms()]);
const MINUTE = 60_000;

type Session = { readonly steps: Readonly<Record<string, unknown>>; readonly refused: Readonly<Record<string, unknown>> };

const sqlalchemy = (driver: string) => (url: string) => ({
  program: python ?? '',
  parameters: [join(import.meta.dirname, 'python', 'sqlalchemy_session.py'), url.replace(/^postgres:/, `postgresql+${driver}:`)],
});
const javascript = (script: string) => (url: string) => ({ program: process.execPath, parameters: [join(folder ?? '', script), url] });

const ORMS = [
  { name: 'Prisma', present: folder, command: javascript('prisma-session.mjs') },
  { name: 'Drizzle', present: folder, command: javascript('drizzle-session.mjs') },
  { name: 'SQLAlchemy with psycopg 3', present: python, command: sqlalchemy('psycopg') },
  { name: 'SQLAlchemy with psycopg2', present: python, command: sqlalchemy('psycopg2') },
].filter(({ present }) => present !== undefined);

let store: Store | undefined;
afterEach(async () => {
  await store?.stop();
  store = undefined;
});

describe.skipIf(ORMS.length === 0).for(ORMS)('$name', ({ command }) => {
  const session = async (url: string): Promise<Session> => {
    const { program, parameters } = command(url);
    const { code, stdout, stderr } = await runProgram(program, parameters);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain(CANARY);
    return JSON.parse(stdout) as Session;
  };

  it('creates, finds, updates, lists and deletes as on a database without what is hidden', { timeout: 2 * MINUTE }, async () => {
    store = await startStore();
    const hidden = `SELECT (SELECT jsonb_agg(o ORDER BY id) FROM orders o WHERE region <> 'eu') AS orders,
      (SELECT jsonb_agg(ssn ORDER BY id) FROM customers WHERE id <= 6) AS values`;
    const before = await store.sql(hidden);
    const through = await session(store.url);
    const direct = await session(store.plainUrl);
    expect(through.steps).toEqual(direct.steps);
    expect(new Set(Object.values(direct.refused).map(String))).toEqual(new Set(['done']));
    expect(through.refused).toEqual({
      'out of the filter': ['42501', 'new row violates the row filter of relation "public.orders"'],
      'moved out of the filter': ['42501', 'new row violates the row filter of relation "public.orders"'],
      'the mask as value': ['42501', 'permission denied to write a mask over column "ssn" of relation "public.customers"'],
      'not granted': ['42501', 'permission denied to delete on relation "secrets"'],
    });
    expect(await store.sql(hidden)).toEqual(before);
  });
});
