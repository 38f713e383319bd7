import { describe, expect, it } from 'vitest';
import { lintCommand } from '../../cli/lint.ts';
import { useCli } from './use-cli.ts';

const SCHEMA = `
  ALTER ROLE app BYPASSRLS;
  GRANT pg_read_all_data TO app;
  CREATE TABLE customers (id int PRIMARY KEY, name text, ssn text, pin char(4), born date, kind numeric(3));
  CREATE TABLE accounts (id int PRIMARY KEY, credit int, balance int, CONSTRAINT covered CHECK (credit <= balance));
  CREATE VIEW people AS SELECT id, ssn FROM customers`;

const policy = (relations: string): string => `
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: reporting }
spec:
  connectionRef: { name: shop }
  subjects: [{ agent: { name: reporter, passwordSecretRef: { name: agents } } }]
  relations:
${relations}`;

const CLEAN = policy('    - { name: public.customers, select: { columns: [id, name] } }');

const BAD = policy(`
    - name: public.customers
      where: born < '01/02/2000'
      select:
        columns: [id, nmae]
        masks: [{ column: pin, mask: { type: KeepLast, keepLast: { characters: 2 } } }]
    - { name: public.costumers, select: { columns: [id] } }
    - { name: public.people, select: { columns: [id], masks: [{ column: ssn, mask: { type: Date, date: { precision: Year } } }] } }
`);

const { run, write, server } = useCli(lintCommand, SCHEMA, CLEAN);

describe('lint', () => {
  it('finds nothing in a folder without faults, and warns of the role when it sees the database', async () => {
    expect(await run('--strict')).toEqual({ code: 0, out: 'nothing found\n', err: '' });
    const warned = await run('--database');
    expect(warned).toEqual({
      code: 0,
      err: '',
      out:
        'warning  all.yaml:10: document 2, spec.credentials: database role "app" has BYPASSRLS, membership in pg_read_all_data. Use a role with nothing but the privileges that agents need: it is what remains if a rule here is wrong. [powerful-role]\n' +
        '0 errors, 1 warning\n',
    });
    expect((await run('--database', '--strict')).code).toBe(1);
  });

  it('finds what only the database knows, each with its line', async () => {
    await write(BAD);
    const { code, out, err } = await run('--database', '--json');
    await write(CLEAN);
    const found = JSON.parse(out) as readonly {
      severity: string;
      check: string;
      line: number;
      field: string;
      message: string;
      remedy: string;
    }[];
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(found.map(({ severity, check, line, field, message }) => `${severity} ${check} ${line} ${field}: ${message}`)).toEqual([
      'Error unknown-relation 31 spec.relations[1].name: relation "public.costumers" does not exist in database "postgres"',
      'Error unknown-column 29 spec.relations[0].select.columns[1]: column "nmae" does not exist in public.customers',
      'Error unusable-grant 32 spec.relations[2].select.masks[0].mask: the grant of public.people cannot be applied: mask Date cannot serve column "ssn" of type text',
      'Error shown-elsewhere 32 spec.relations[2].select: public.people cannot be used: it shows public.customers: column "nmae" does not exist in public.customers',
      'Warning revealing-mask 30 spec.relations[0].select.masks[0].mask: mask KeepLast with 2 characters hides at most 2 of column "pin" of public.customers (character(4))',
      `Warning setting-dependence 27 spec.relations[0].where: the row filter of public.customers depends on what the agent's session is set to: DateStyle says which part of '01/02/2000' is the day`,
      'Warning powerful-role 10 spec.credentials: database role "app" has BYPASSRLS, membership in pg_read_all_data',
    ]);
    expect(found[0]?.remedy).toBe('Did you mean "public.customers"?');
    expect(found[1]?.remedy).toBe('Did you mean "name"?');
  });

  it('tells which constraints compare hidden columns with those that may be written', async () => {
    await write(policy('    - { name: public.accounts, select: { columns: [id, credit] }, update: { columns: [credit] } }'));
    const { out } = await run('--database', '--json');
    await write(CLEAN);
    const found = JSON.parse(out) as readonly { check: string; message: string }[];
    expect(found.filter(({ check }) => check === 'telling-constraint').map(({ message }) => message)).toEqual([
      'constraint "covered" compares column "credit" of public.accounts with hidden column "balance", so that update of it is refused',
    ]);
  });

  it('asks the server what it can evaluate', async () => {
    await write(
      policy(
        "    - { name: public.customers, select: { columns: [id], masks: [{ column: kind, mask: { type: Constant, constant: { value: '12345' } } }] } }",
      ),
    );
    const { code, out } = await run('--database');
    await write(CLEAN);
    expect(code).toBe(1);
    expect(out).toContain('the grant of public.customers cannot be applied: numeric field overflow');
  });

  it("prints the parser's problems, and looks no further", async () => {
    await write(policy('    - { name: customers, select: { columns: [id] } }'));
    const { code, out } = await run('--database');
    await write(CLEAN);
    expect(code).toBe(1);
    expect(out).toMatch(
      /^error {4}all.yaml:\d+: document 4, spec.relations\[0\].name: "customers" is not of the form that is expected\..* \[manifest\]\n1 error, 0 warnings\n$/,
    );
  });

  it('exits with 2 where it is used wrongly or a database is away', async () => {
    expect(await run('--wrong')).toMatchObject({ code: 2, out: '' });
    await server().halt();
    const away = await run('--database');
    await server().start();
    expect(away).toMatchObject({ code: 2, out: '' });
    expect(away.err).toContain('pg-airlock lint: could not connect to the database');
    expect(away.err).not.toContain('upstream-password');
  });
});
