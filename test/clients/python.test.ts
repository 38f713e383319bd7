import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { runProgram } from './program.ts';
import { PYTHON_FOLDER, pythonWithDrivers } from './python-environment.ts';
import { CANARY, type Shop, startShop } from './shop.ts';

const python = await pythonWithDrivers();

describe.skipIf(python === undefined).for(POSTGRES_VERSIONS)('Python, PostgreSQL %i', (version) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await startShop({ postgres: { version }, setup: 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO shop_app' });
  });
  afterAll(() => shop.stop());

  /** The steps through the airlock and without it; what is granted in the clear is compared here. */
  const steps = async (script: string): Promise<Record<string, unknown>> => {
    const [through, direct] = await Promise.all(
      [shop.url, shop.directUrl].map(async (url) => {
        const { code, stdout, stderr } = await runProgram(python ?? '', [join(PYTHON_FOLDER, script), url]);
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        return stdout;
      }),
    );
    expect(through).not.toContain(CANARY);
    expect(direct).toContain(CANARY);
    const { clear, ...others } = JSON.parse(through ?? '') as Record<string, unknown>;
    expect(clear).toEqual((JSON.parse(direct ?? '') as Record<string, unknown>)['clear']);
    return others;
  };

  it('works with psycopg 3', async () => {
    expect(await steps('psycopg3_session.py')).toEqual({
      masked: [
        ['***7', '***@example.com'],
        ['***8', '***@example.com'],
      ],
      'masked binary': ['***7'],
      errors: [
        ['22012', 'division by zero', null],
        ['42703', 'column "nme" does not exist', '8'],
        ['42501', 'permission denied for relation "secrets"', '19'],
      ],
      pipeline: Array.from({ length: 20 }, (_, index) => index),
      'refused in a pipeline': '42501',
      savepoint: 'goes on',
      'server cursor': [100, [7, '***7']],
      copy: [
        ['1', '***1'],
        ['2', '***2'],
      ],
      'binary copy': [
        [1, 'customer 1'],
        [2, 'customer 2'],
      ],
      info: ['utf-8', 'on'],
    });
  });

  it('works with psycopg2', async () => {
    expect(await steps('psycopg2_session.py')).toEqual({
      masked: [['***7', '***@example.com']],
      refused: ['42501', 'Relations that may be read: public.customers, public.orders, public.bonn.'],
      aborted: '25P02',
      'server cursor': [100, [7, '***7']],
      copy: '1\t***1\n2\t***2\n',
      'read only': [['repeatable read'], ['on']],
    });
  });

  it('works with asyncpg, which describes a statement only the first time', async () => {
    const masked = [['***7', '***@example.com']];
    expect(await steps('asyncpg_session.py')).toEqual({
      masked: [masked, masked, masked],
      'whole row': '***7',
      errors: [
        ['22012', 'division by zero'],
        ['42501', 'permission denied for relation "secrets"'],
        ['42501', 'permission denied for relation "secrets"'],
      ],
      prepared: ['***7', '***8'],
      cursor: [100, [7, '***7']],
      savepoint: 'goes on',
      copy: '1\t***1\n2\t***2\n',
      cancelled: 'goes on',
      pool: Array.from({ length: 40 }, (_, index) => `***${1 + (index % 9)}`),
    });
  });
});
