import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { programVersion, runProgram } from './program.ts';
import { type Shop, startShop } from './shop.ts';

const installed = programVersion('pgbench');
const PROTOCOLS = ['simple', 'extended', 'prepared'] as const;
const [CLIENTS, TRANSACTIONS] = [4, 100];

/** What the TPC-B-like script needs, and no more. The filter holds for every row, and has to be checked on each. */
const RELATIONS = `
    - name: public.pgbench_accounts
      where: bid = 1
      select: { columns: [aid, abalance] }
      update: { columns: [abalance] }
    - name: public.pgbench_tellers
      where: bid = 1
      select: { columns: [tid, tbalance] }
      update: { columns: [tbalance] }
    - name: public.pgbench_branches
      select: { columns: [bid, bbalance] }
      update: { columns: [bbalance] }
    - name: public.pgbench_history
      where: bid = 1
      insert: { columns: [tid, bid, aid, delta, mtime] }`;

const SUMS = `
  SELECT (SELECT sum(abalance) FROM pgbench_accounts)::int AS accounts, (SELECT sum(tbalance) FROM pgbench_tellers)::int AS tellers,
    (SELECT sum(bbalance) FROM pgbench_branches)::int AS branches, (SELECT sum(delta) FROM pgbench_history)::int AS history,
    (SELECT count(*) FROM pgbench_history)::int AS transactions`;

describe.skipIf(installed === undefined).for(POSTGRES_VERSIONS)('pgbench, TPC-B-like, PostgreSQL %i', (version) => {
  let shop: Shop;
  beforeAll(async () => {
    const setup = 'GRANT CREATE ON SCHEMA public TO shop_app';
    shop = await startShop({ postgres: { version }, setup });
    const { code, stderr } = await runProgram('pgbench', ['--initialize', '--quiet', shop.directUrl]);
    if (code !== 0) throw new Error(`pgbench --initialize: ${stderr}`);
    await shop.change({ relations: RELATIONS });
  });
  afterAll(() => shop.stop());

  // Clients wait for each other's row of the one branch: a row that changed meanwhile has to be looked at again.
  it.for(PROTOCOLS)('has no transaction that fails, and loses no update (%s)', { timeout: 120_000 }, async (protocol) => {
    const [before] = await shop.postgres.sql(SUMS, 'shop');
    const parameters = ['-n', '-c', String(CLIENTS), '-j', '2', '-t', String(TRANSACTIONS), '-M', protocol, shop.url];
    const { code, stdout, stderr } = await runProgram('pgbench', parameters);
    expect({ code, stderr: stderr.replace(/^pgbench \(.*\)\n/m, '') }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`number of transactions actually processed: ${CLIENTS * TRANSACTIONS}/${CLIENTS * TRANSACTIONS}\n`);
    const [after] = await shop.postgres.sql(SUMS, 'shop');
    const { history, transactions } = after as { readonly history: number; readonly transactions: number };
    expect(after).toEqual({ accounts: history, tellers: history, branches: history, history, transactions });
    expect(transactions - Number(before?.['transactions'])).toBe(CLIENTS * TRANSACTIONS);
  });
});
