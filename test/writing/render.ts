/**
 * One statement for two databases: what the agent says through the airlock, and the same under row-level security, where a masked
 * column is written as its mask and `*` as the columns that the agent sees.
 *
 * Statements carry marks: `⟪ssn a⟫` a masked column (`-` for one without qualifier), `⟪all a accounts⟫` the table's `a.*`,
 * `⟪star a accounts⟫` its `*`, `⟪row a accounts⟫` its whole row as jsonb.
 */
import { MASK, type Profile, TABLES, visible, type WorldColumn } from './world.ts';

export type Side = 'airlock' | 'security';

const maskOf = (column: string): string => `CASE WHEN ${column} IS NULL THEN NULL ELSE '${MASK}'::text END`;

const seen = (qualifier: string, { name, read }: WorldColumn): string =>
  `${read === 'masked' ? maskOf(`${qualifier}.${name}`) : `${qualifier}.${name}`} AS ${name}`;

/** The statement as one of the two databases gets it. */
export const render = (marked: string, profile: Profile, side: Side): string =>
  marked.replaceAll(/⟪(ssn|all|star|row) (\S+?)(?: ([^⟫]+))?⟫/g, (_, what: string, qualifier: string, tableName: string | undefined) => {
    const ssn = qualifier === '-' ? 'ssn' : `${qualifier}.ssn`;
    if (what === 'ssn') return side === 'airlock' || !profile.masks ? ssn : maskOf(ssn);
    const asIs = { all: `${qualifier}.*`, star: '*', row: `to_jsonb(${qualifier})` }[what] ?? '';
    if (side === 'airlock') return asIs;
    const table = TABLES.find(({ name }) => name === tableName);
    if (table === undefined) throw new Error(`no table ${tableName}`);
    const columns = visible(table, profile).map((column) => seen(qualifier, column));
    if (columns.length === 0) return asIs;
    return what !== 'row'
      ? columns.join(', ')
      : `(SELECT to_jsonb(seen) FROM (SELECT ${columns.join(', ')}) AS seen WHERE NOT (seen IS NULL))`;
  });
