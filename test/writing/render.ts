/**
 * One statement for two databases: what the agent says through the airlock, and the same under row-level security, where a masked
 * column is written as its mask and `*` as the columns that the agent sees.
 *
 * Statements carry marks: `⟪ssn a⟫` a masked column, `⟪all a accounts⟫` its `*`, `⟪row a accounts⟫` its whole row as jsonb.
 */
import { MASK, type Profile, TABLES, visible, type WorldColumn } from './world.ts';

export type Side = 'airlock' | 'security';

const maskOf = (qualifier: string, column: string): string => `CASE WHEN ${qualifier}.${column} IS NULL THEN NULL ELSE '${MASK}'::text END`;

const seen = (qualifier: string, { name, read }: WorldColumn): string =>
  `${read === 'masked' ? maskOf(qualifier, name) : `${qualifier}.${name}`} AS ${name}`;

/** The statement as one of the two databases gets it. */
export const render = (marked: string, profile: Profile, side: Side): string =>
  marked.replaceAll(/⟪(ssn|all|row) (\S+?)(?: ([^⟫]+))?⟫/g, (_, what: string, qualifier: string, tableName: string | undefined) => {
    if (what === 'ssn') return side === 'airlock' || !profile.masks ? `${qualifier}.ssn` : maskOf(qualifier, 'ssn');
    if (side === 'airlock') return what === 'all' ? `${qualifier}.*` : `to_jsonb(${qualifier})`;
    const table = TABLES.find(({ name }) => name === tableName);
    if (table === undefined) throw new Error(`no table ${tableName}`);
    const columns = visible(table, profile).map((column) => seen(qualifier, column));
    if (columns.length === 0) return what === 'all' ? `${qualifier}.*` : `to_jsonb(${qualifier})`;
    return what === 'all' ? columns.join(', ') : `(SELECT to_jsonb(seen) FROM (SELECT ${columns.join(', ')}) AS seen)`;
  });
