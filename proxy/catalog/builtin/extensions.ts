/**
 * Extensions whose functions have been reviewed, so that a policy may list the extension by name (`spec.extensions`). All others are
 * refused even if listed; single functions of theirs can be named in `spec.functions`.
 */
import { listed } from './listed.ts';

/** Every function of the extension is harmless but those in `refused` (names, of any signature). */
export type ReadyExtension = { readonly refused: readonly string[] };

const HARMLESS_WHOLE = listed(`
  bloom btree_gin btree_gist citext cube dict_int dict_xsyn earthdistance fuzzystrmatch hstore intagg intarray ltree pgcrypto seg
  tsm_system_rows tsm_system_time unaccent uuid-ossp vector
`);

const WITH_EXCEPTIONS: readonly (readonly [string, string])[] = [
  // They set a mode of the session.
  ['isn', 'isn_weak'],
  ['pg_trgm', 'set_limit'],
  // They run a text as a query, or over a relation given by name.
  ['tablefunc', 'connectby crosstab crosstab2 crosstab3 crosstab4'],
  // A query by text; a style sheet is a program for a library that can reach files and networks.
  ['xml2', 'xpath_table xslt_process'],
  [
    'postgis',
    `
    -- They change tables and extensions, lock rows, or create a table by name.
    addauth addgeometrycolumn checkauth checkauthtrigger disablelongtransactions dropgeometrycolumn dropgeometrytable
    enablelongtransactions gettransactionid lockrow longtransactionsenabled populate_geometry_columns postgis_extensions_upgrade
    st_fromflatgeobuftotable unlockrows updategeometrysrid
    -- They read a relation given by name, its statistics or its indexes.
    _postgis_index_extent _postgis_join_selectivity _postgis_selectivity _postgis_stats st_estimated_extent st_estimatedextent
    st_find_extent st_findextent
    `,
  ],
];

const READY: ReadonlyMap<string, ReadyExtension> = new Map([
  ...HARMLESS_WHOLE.map((name) => [name, { refused: [] }] as const),
  ...WITH_EXCEPTIONS.map(([name, refused]) => [name, { refused: listed(refused) }] as const),
]);

/** The names of all reviewed extensions. */
export const READY_EXTENSIONS: readonly string[] = [...READY.keys()].sort();

/** What has been reviewed of an extension; undefined: it has not, or much of it reaches data, files, other databases or the server. */
export const readyExtension = (name: string): ReadyExtension | undefined => READY.get(name);
