import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FunctionClass, functionClass } from '../../proxy/catalog/builtin/functions.ts';
import { POSTGRES_VERSIONS, type PostgresVersion } from '../support/postgres-binaries.ts';
import { startPostgres } from '../support/postgres.ts';

/** What calls functions that no statement names, and the functions, each with what it belongs to. */
const CALLERS = {
  operator: `SELECT oid::regoperator::text AS of, oprcode AS function FROM pg_operator WHERE oid < 16384 AND oprcode <> 0`,
  cast: `SELECT castsource::regtype || ' to ' || casttarget::regtype, castfunc FROM pg_cast WHERE oid < 16384 AND castfunc <> 0`,
  // A cast by the text of a value reads with the one and writes with the other.
  input: `SELECT oid::regtype::text, typinput FROM pg_type WHERE oid < 16384 AND typtype <> 'p'`,
  output: `SELECT oid::regtype::text, f FROM pg_type, unnest(ARRAY[typoutput, typsend, typmodout]) f WHERE oid < 16384 AND typtype <> 'p' AND f <> 0`,
  modifier: `SELECT oid::regtype::text, typmodin FROM pg_type WHERE oid < 16384 AND typmodin <> 0`,
  // Polymorphic types, triggers, handlers: no value has them.
  pseudo: `SELECT oid::regtype::text, f FROM pg_type, unnest(ARRAY[typinput, typoutput]) f WHERE oid < 16384 AND typtype = 'p' AND f <> 0`,
  index: `SELECT amprocfamily::text, amproc FROM pg_amproc WHERE oid < 16384`,
  aggregate: `
    SELECT aggfnoid::text, f FROM pg_aggregate, unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn,
      aggminvtransfn, aggmfinalfn]) f WHERE aggfnoid < 16384 AND f <> 0`,
  range: `SELECT rngtypid::regtype::text, f FROM pg_range, unnest(ARRAY[rngcanonical, rngsubdiff]) f WHERE rngtypid < 16384 AND f <> 0`,
  conversion: `SELECT conname, conproc FROM pg_conversion WHERE oid < 16384`,
  'text search': `
    SELECT prsname::text, f FROM pg_ts_parser, unnest(ARRAY[prsstart, prstoken, prsend, prsheadline, prslextype]) f WHERE oid < 16384 AND f <> 0
    UNION ALL SELECT tmplname, f FROM pg_ts_template, unnest(ARRAY[tmplinit, tmpllexize]) f WHERE oid < 16384 AND f <> 0`,
} as const;

type Caller = keyof typeof CALLERS;
type Row = { readonly of: string; readonly schema: string; readonly name: string };

const callers = Object.keys(CALLERS) as readonly Caller[];
const found = new Map<string, readonly Row[]>();

const classes = (caller: Caller, version: PostgresVersion): ReadonlyMap<FunctionClass | undefined, readonly string[]> => {
  const rows = found.get(`${caller} ${version}`) ?? [];
  return new Map(
    [...Map.groupBy(rows, ({ schema, name }) => functionClass(schema, name))].map(([key, list]) => [key, list.map(({ name }) => name)]),
  );
};

beforeAll(async () => {
  for (const version of POSTGRES_VERSIONS) {
    const server = await startPostgres({ version });
    try {
      for (const caller of callers) {
        const text = `SELECT q.of, nspname AS schema, proname AS name FROM (${CALLERS[caller]}) AS q (of, function)
          JOIN pg_proc p ON p.oid = q.function JOIN pg_namespace n ON n.oid = pronamespace`;
        found.set(`${caller} ${version}`, (await server.sql(text)) as Row[]);
      }
    } finally {
      await server.stop();
    }
  }
}, 300_000);

afterAll(() => found.clear());

/** Which classes the functions may have: nothing acts, or reads data or files by a name. */
const EXPECTED: Readonly<Record<Caller, readonly FunctionClass[]>> = {
  operator: ['harmless'],
  cast: ['harmless'],
  // Of arrays, domains, ranges and composite types: what is inside of them is judged by the name of the type.
  input: ['harmless', 'internal'],
  output: ['harmless', 'reveals'],
  modifier: ['harmless'],
  pseudo: ['harmless', 'internal'],
  index: ['harmless', 'internal'],
  aggregate: ['harmless', 'internal'],
  range: ['harmless'],
  conversion: ['internal'],
  'text search': ['internal'],
};

describe.each(POSTGRES_VERSIONS)('what statements call without naming it, PostgreSQL %i', (version) => {
  it.each(callers)('is of a class that every %s may have', (caller) => {
    const byClass = classes(caller, version);
    expect([...byClass].filter(([each]) => each === undefined || !EXPECTED[caller].includes(each))).toEqual([]);
    expect(byClass.size).toBeGreaterThan(0);
  });

  it('reads texts of types that have others inside, and of no other, by functions that are refused by name', () => {
    const inputs = classes('input', version).get('internal') ?? [];
    expect([...new Set(inputs)].sort()).toEqual(['array_in', 'domain_in', 'multirange_in', 'range_in', 'record_in']);
  });

  it('writes values of no type that tells more than its column, but those of statistics, whose columns are hidden', () => {
    const outputs = classes('output', version).get('reveals') ?? [];
    expect([...new Set(outputs)].sort()).toEqual(['pg_mcv_list_out', 'pg_mcv_list_send']);
  });

  it('looks names up for eleven types alone, in catalogs that are open', () => {
    const inputs = (found.get(`input ${version}`) ?? []).filter(({ name }) => name.startsWith('reg'));
    expect(inputs.map(({ of }) => of).sort()).toEqual([
      'regclass',
      'regcollation',
      'regconfig',
      'regdictionary',
      'regnamespace',
      'regoper',
      'regoperator',
      'regproc',
      'regprocedure',
      'regrole',
      'regtype',
    ]);
  });
});
