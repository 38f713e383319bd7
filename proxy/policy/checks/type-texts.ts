/**
 * Types that a text names, as `pg_input_is_valid(text, 'integer')` takes them.
 */
import type { Catalog } from '../../catalog/catalog.ts';

/** Names of SQL that the grammar turns into those of pg_catalog. */
const SPELLINGS: ReadonlySet<string> = new Set(
  (
    'bigint,boolean,char,character,character varying,dec,decimal,double precision,float,int,integer,real,smallint,bit varying,' +
    'time with time zone,time without time zone,timestamp with time zone,timestamp without time zone'
  ).split(','),
);

/** Is it surely a type of pg_catalog, whatever the search_path? */
export const isBuiltinTypeText = (text: string | undefined, { builtinTypes, userTypes }: Catalog): boolean => {
  const name = /^ *([a-z][a-z0-9_ ]*?) *(?:\( *\d+ *(?:, *\d+ *)?\))? *(?:\[\])* *$/i.exec(text ?? '')?.[1]?.toLowerCase();
  return name !== undefined && (SPELLINGS.has(name) || (builtinTypes.has(name) && !userTypes.has(name)));
};
