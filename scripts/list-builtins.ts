/**
 * Prints PostgreSQL's own functions, relations or settings, of each version that is tested, with the class that proxy/catalog/builtin
 * gives them: for reviewing a new version. `node scripts/list-builtins.ts [functions|relations|settings] [--unknown]`
 */
import { functionClass } from '../proxy/catalog/builtin/functions.ts';
import { systemRelation } from '../proxy/catalog/builtin/relations.ts';
import { LISTABLE, SETTABLE, UNSETTABLE } from '../proxy/catalog/builtin/setting-names.ts';
import { mayShow } from '../proxy/catalog/builtin/settings.ts';
import { POSTGRES_VERSIONS } from '../test/support/postgres-binaries.ts';
import { startPostgres } from '../test/support/postgres.ts';

type Listed = { readonly name: string; readonly facts: string; readonly verdict: string | undefined };
type Row = Readonly<Record<'schema' | 'name' | 'facts', string>>;
type Kind = { readonly sql: string; readonly verdict: (row: Row) => string | undefined };

const settingVerdict = (name: string): string => {
  const set = SETTABLE.has(name) ? 'settable' : LISTABLE.has(name) ? 'listable' : UNSETTABLE.has(name) ? 'unsettable' : undefined;
  return `${set ?? 'not set by sessions'}, ${mayShow(name) ? 'shown' : 'hidden'}`;
};

const KINDS: Readonly<Record<string, Kind>> = {
  functions: {
    sql: `
      SELECT nspname AS schema, proname AS name,
        concat_ws(' ', prokind, provolatile, '(' || pg_get_function_arguments(p.oid) || ')', pg_get_function_result(p.oid)) AS facts
      FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
      WHERE nspname IN ('pg_catalog', 'information_schema') ORDER BY 1, 2, 3`,
    verdict: ({ schema, name }) => functionClass(schema, name),
  },
  relations: {
    sql: `
      SELECT nspname AS schema, relname AS name, string_agg(attname, ' ' ORDER BY attnum) AS facts
      FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0
      WHERE nspname IN ('pg_catalog', 'information_schema') AND relkind IN ('r', 'v') GROUP BY 1, 2 ORDER BY 1, 2`,
    verdict: ({ schema, name }) => {
      const relation = systemRelation(schema, name);
      return relation?.type === 'Scoped' ? `Scoped [${relation.hide.join(' ')}] ${relation.where ?? ''}` : relation?.type;
    },
  },
  settings: {
    sql: `SELECT '' AS schema, name, concat_ws(' ', context, vartype, category) AS facts FROM pg_settings ORDER BY 2`,
    verdict: ({ name, facts }) => {
      const lower = name.toLowerCase();
      const known = SETTABLE.has(lower) || LISTABLE.has(lower) || UNSETTABLE.has(lower);
      return known || !/^(user|superuser)\b/.test(facts) ? settingVerdict(lower) : undefined;
    },
  },
};

const listingOf = async (kind: Kind, version: (typeof POSTGRES_VERSIONS)[number]): Promise<readonly Listed[]> => {
  const server = await startPostgres({ version });
  try {
    const rows = (await server.sql(kind.sql)) as Row[];
    return rows.map((row) => ({
      name: row.schema === '' ? row.name : `${row.schema}.${row.name}`,
      facts: row.facts,
      verdict: kind.verdict(row),
    }));
  } finally {
    await server.stop();
  }
};

const words = process.argv.slice(2);
const kind = KINDS[words.find((word) => !word.startsWith('--')) ?? 'functions'];
if (kind === undefined) throw new Error(`usage: list-builtins.ts [${Object.keys(KINDS).join('|')}] [--unknown]`);
const onlyUnknown = words.includes('--unknown');

const versions = new Map<string, number[]>();
for (const version of POSTGRES_VERSIONS) {
  for (const { name, facts, verdict } of await listingOf(kind, version)) {
    if (onlyUnknown && verdict !== undefined) continue;
    const line = `${verdict ?? 'UNKNOWN'}\t${name}\t${facts}`;
    versions.set(line, [...(versions.get(line) ?? []), version]);
  }
}
for (const line of [...versions.keys()].sort()) console.log(`${line}\t${versions.get(line)?.join(' ')}`);
