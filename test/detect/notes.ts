/**
 * The shop with values in it that nobody declared: card numbers in columns of every type that can hold one.
 */
import type { DetectedValues } from '../../kernel/audit-record.ts';
import { readChain } from '../audit/read-chain.ts';
import { type Manifests, ROLE, type Shop, startShop } from '../clients/shop.ts';
import { type RawFrame, rowValues } from '../support/raw-client.ts';
import type { PostgresVersion } from '../support/postgres-binaries.ts';

export const CARD = '4111 1111 1111 1111';
export const MASKED_CARD = '**** **** **** ****';

const SETUP = `
  CREATE EXTENSION hstore;
  CREATE TYPE pair AS (n int, t text);
  CREATE DOMAIN memo AS varchar(40);
  CREATE TABLE notes (
    id int PRIMARY KEY, t text, v varchar(19), c char(24), d memo, n name, j json, b jsonb, x xml, a text[], p pair, h hstore, i8 bigint,
    num numeric, by bytea, ip inet, pa pair[], ba bigint[]);
  INSERT INTO notes SELECT 1, 'pay ${CARD} now', '${CARD}', '${CARD}', 'to ${CARD}', '${CARD}', '{"c": "${CARD}", "n": 4111111111111111}',
    '{"c": "${CARD}", "n": 4111111111111111}', '<c>${CARD}</c>', ARRAY['x', '${CARD}', NULL], ROW(7, '${CARD}')::pair, hstore('c', '${CARD}'),
    4111111111111111, 4111111111111111, convert_to('pay ${CARD}', 'UTF8'), '203.0.113.77', ARRAY[ROW(7, '${CARD}')::pair], ARRAY[4111111111111111, 5];
  INSERT INTO notes (id, t) SELECT i, 'nothing to see ' || i FROM generate_series(2, 500) i;
  CREATE TABLE log (id int PRIMARY KEY, t text);
  CREATE FUNCTION tell(what text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'told %', what; RETURN 1; END $$;
  CREATE FUNCTION fail(what text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'failed %', what; END $$;
  GRANT SELECT, INSERT ON notes, log TO ${ROLE.name}`;

export const EVERY_COLUMN = 't, v, c, d, n, j, b, x, a, p, h, i8, num, by, ip, pa, ba';

/** Manifests of a policy that looks for these, as YAML. */
export const detecting = (detect: string): Manifests => ({
  spec: `  extensions: [hstore]\n  detect: ${detect}\n`,
  functions: ['public.tell', 'public.fail', 'pg_catalog.pg_sleep'],
  relations: `
    - { name: public.notes, select: { columns: ['*'] } }
    - { name: public.log, select: { columns: ['*'] }, insert: { columns: ['*'] } }
`,
});

export const startNotes = (detect: string, version?: PostgresVersion): Promise<Shop> =>
  startShop({ setup: SETUP, manifests: detecting(detect), ...(version === undefined ? {} : { postgres: { version } }) });

/** What the audit log says was found, statement after statement. */
export const recorded = async (shop: Shop): Promise<readonly (readonly DetectedValues[])[]> => {
  const { lines } = await readChain(shop.proxy.auditDirectory);
  return lines.flatMap((line) => ('detected' in line ? [line.detected as readonly DetectedValues[]] : []));
};

/** All values of all rows, as text. */
export const cellsOf = (frames: readonly RawFrame[]): readonly (string | undefined)[] =>
  frames.filter(({ type }) => type === 'D').flatMap((frame) => rowValues(frame).map((value) => value?.toString()));
