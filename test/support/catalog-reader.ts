import type pg from 'pg';
import type { CatalogRead } from '../../proxy/catalog/load-catalog.ts';

/** Reads the catalog by a client of node-postgres, as the proxy's own session does. */
export const catalogReader =
  (client: pg.Client): CatalogRead =>
  async (texts) => {
    const results = (await client.query(texts.join(';\n'))) as unknown as readonly pg.QueryResult[];
    return results.map(({ rows }) => rows as object[]);
  };
