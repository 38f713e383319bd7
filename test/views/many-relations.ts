/**
 * `npx node --expose-gc test/views/many-relations.ts`: what 1,000 tables of 200 columns and a view over each cost, beside 10 of them, in one run.
 */
import pg from 'pg';
import type { RelationGrant } from '../../kernel/policy.ts';
import type { Catalog } from '../../proxy/catalog/catalog.ts';
import { type CatalogQuery, loadCatalog, readFingerprint } from '../../proxy/catalog/load-catalog.ts';
import { narrowedGrants } from '../../proxy/judge/narrowed.ts';
import { judgeContext } from '../../proxy/judge/judge-context.ts';
import { judgeText } from '../../proxy/judge/judge-text.ts';
import { Grammar } from '../../proxy/sql/grammar.ts';
import { catalogReader } from '../support/catalog-reader.ts';
import { startPostgres } from '../support/postgres.ts';
import { grantsOf, policy } from '../support/small-catalog.ts';

const COLUMNS = Array.from({ length: 200 }, (_, index) => `c${index}`);

const grant = (name: string, rest: Partial<RelationGrant>): RelationGrant => ({
  schema: 'public',
  name,
  select: { columns: '*', masks: [] },
  insert: undefined,
  update: undefined,
  delete: false,
  where: undefined,
  ...rest,
});

const timed = async <Result>(work: () => Promise<Result>): Promise<readonly [number, Result]> => {
  const started = performance.now();
  const result = await work();
  return [performance.now() - started, result];
};

const postgres = await startPostgres();
for (const count of [10, 1000]) {
  await postgres.sql(`CREATE DATABASE d${count}`);
  for (let from = 0; from < count; from += 50) {
    const numbers = Array.from({ length: Math.min(50, count - from) }, (_, index) => from + index);
    const table = (number: number): string =>
      `CREATE TABLE t${number} (id int PRIMARY KEY, ${COLUMNS.map((column) => `${column} text`).join(', ')})`;
    const view = (number: number): string => `CREATE VIEW v${number} AS SELECT * FROM t${number}`;
    await postgres.sql(numbers.flatMap((number) => [table(number), view(number)]).join(';\n'), `d${count}`);
  }
  const client = new pg.Client({ connectionString: postgres.url('postgres', `d${count}`) });
  await client.connect();
  const query: CatalogQuery = async <Row extends object>(sql: string) => (await client.query<Row>(sql)).rows;
  const [look] = await timed(() => readFingerprint(query));
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const [load, catalog]: readonly [number, Catalog] = await timed(() => loadCatalog(catalogReader(client), 'f'));
  globalThis.gc?.();
  const memory = process.memoryUsage().heapUsed - before;
  const masks = [{ column: 'c7', mask: { type: 'Redact' } as const }];
  const relations = Array.from({ length: Math.min(count, 256) }, (_, number) => [
    grant(`t${number}`, { select: { columns: ['id', 'c1'], masks } }),
    grant(`v${number}`, {}),
  ]).flat();
  const grants = grantsOf(policy({ relations }))!;
  const grammar = new Grammar(postgres.version);
  await grammar.load();
  const [narrow, narrowed] = await timed(() => narrowedGrants(grants, catalog, grammar));
  const tools = { grammar, probe: () => Promise.resolve(undefined), estimate: () => Promise.resolve({ rows: 1 }), onFault: console.error };
  const context = judgeContext({ catalog, grants: narrowed, revision: 'r' }, tools, new Map());
  const state = { searchPath: ['public'], prepared: () => undefined, cursor: () => undefined };
  const judge = async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      const { judged } = await judgeText(Buffer.from(`SELECT id, c7 FROM v${round % 10} WHERE id = ${round}`), 'Query', state, context);
      if (judged.decision === 'Deny') throw judged.failure;
    }
  };
  await judge(200);
  const [judging] = await timed(() => judge(500));
  console.log(
    `${count} tables, ${count} views, 200 columns each: look ${look.toFixed(0)} ms, load ${load.toFixed(0)} ms, ${(memory / 2 ** 20).toFixed(0)} MiB, ` +
      `narrowing ${relations.length} grants ${narrow.toFixed(0)} ms, judging ${((judging / 500) * 1000).toFixed(0)} us`,
  );
  await client.end();
}
await postgres.stop('immediate');
