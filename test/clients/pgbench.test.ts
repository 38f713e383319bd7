import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { programVersion, runProgram } from './program.ts';
import { type Shop, startShop } from './shop.ts';

const installed = programVersion('pgbench');
const PROTOCOLS = ['simple', 'extended', 'prepared'] as const;

/** What `pgbench --initialize` makes, as far as its select-only script goes. */
const SETUP = `
  CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int);
  INSERT INTO pgbench_branches VALUES (1, 0);
  CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
  INSERT INTO pgbench_accounts SELECT i, 1, 0, '' FROM generate_series(1, 100000) i;
  GRANT SELECT ON pgbench_branches, pgbench_accounts TO shop_app`;
const RELATIONS = `
    - name: public.pgbench_accounts
      select: { columns: [aid, abalance] }
    - name: public.pgbench_branches
      select: { columns: [bid] }`;

describe.skipIf(installed === undefined).for(POSTGRES_VERSIONS)('pgbench -S, PostgreSQL %i', (version) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await startShop({ postgres: { version }, setup: SETUP, manifests: { relations: RELATIONS } });
  });
  afterAll(() => shop.stop());
  let script: string;
  beforeAll(async () => {
    script = join(shop.manifests, 'refused.sql');
    await writeFile(script, 'SELECT filler FROM pgbench_accounts WHERE aid = 1;\n');
  });

  it.for(PROTOCOLS)('runs every transaction (%s)', async (protocol) => {
    const parameters = ['-S', '-n', '-c', '4', '-j', '2', '-t', '100', '-M', protocol, shop.url];
    const { code, stdout, stderr } = await runProgram('pgbench', parameters);
    expect({ code, stderr: stderr.replace(/^pgbench \(.*\)\n/m, '') }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`query mode: ${protocol}\n`);
    expect(stdout).toContain('number of transactions actually processed: 400/400\n');
  });

  it.for(PROTOCOLS)('is refused what is not granted, each time (%s)', async (protocol) => {
    const { code, stderr } = await runProgram('pgbench', ['-n', '-f', script, '-t', '2', '-M', protocol, shop.url]);
    expect(stderr).toContain('ERROR:  permission denied for column "filler"');
    expect(code).not.toBe(0);
  });
});
