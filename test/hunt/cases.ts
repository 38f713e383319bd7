/**
 * One case of the hunt: a random statement, and a way in which a client sends it.
 */
import { send } from '../support/raw-client.ts';
import { quoteName } from './database.ts';
import { query } from './queries.ts';
import type { Random } from './random.ts';
import { type Notes, type Place, someTable } from './scope-of-names.ts';

/** Messages that are answered by one ReadyForQuery, and their text for people. */
export type Step = { readonly bytes: Buffer; readonly text: string };

export type Case = {
  readonly steps: readonly Step[];
  /** It touches only what is granted: refusing it is a fault. */
  readonly legitimate: boolean;
  /** Two databases that differ in nothing that it may see answer alike. */
  readonly steady: boolean;
};

export type CaseOptions = {
  readonly random: Random;
  /** Makes names that differ between cases. */
  readonly number: number;
  readonly guesses?: readonly string[];
  /** Leave out what is not steady. */
  readonly steady?: boolean;
  /** How deep sub-queries may go. */
  readonly most?: number;
};

export const simple = (sql: string): Step => ({ bytes: send.query(sql), text: sql });

export const extended = (random: Random, sql: string, parameters: readonly string[]): Step => {
  const name = random.chance(0.3) ? 'named' : '';
  const resultFormats = random.pick([[], [0], [1], [1]]);
  const messages = [
    ...(name === '' ? [] : [send.close('S', name)]),
    send.parse(name, sql),
    ...(random.chance(0.3) ? [send.describe('S', name)] : []),
    send.bind('', name, parameters, { resultFormats }),
    send.describe('P'),
    send.execute('', random.pick([0, 0, 1, 3])),
    ...(random.chance(0.3) ? [send.execute('', 0)] : []),
    send.sync(),
  ];
  return {
    bytes: Buffer.concat(messages),
    text: `${sql} -- extended${resultFormats[0] === 1 ? ', binary' : ''}${parameters.length > 0 ? ` ${JSON.stringify(parameters)}` : ''}`,
  };
};

const CATALOG: readonly string[] = [
  'SELECT relname, relkind, reltuples, relpages FROM pg_class WHERE relnamespace = 2200 ORDER BY 1',
  "SELECT attname, atttypid::regtype, attmissingval FROM pg_attribute WHERE attrelid = 'people'::regclass ORDER BY attnum",
  'SELECT relname FROM pg_class ORDER BY oid DESC LIMIT 5',
  'SELECT viewname, definition FROM pg_views WHERE schemaname = $$public$$',
  'SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 2200 ORDER BY 1',
  'SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = $$public$$ ORDER BY 1, 2',
  "SELECT pg_relation_size('people'), pg_total_relation_size('orders')",
  'SELECT enumlabel FROM pg_enum ORDER BY enumsortorder',
  'SELECT sequencename, last_value FROM pg_sequences',
  "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
  'SELECT current_database() IS NULL, version() IS NULL',
  'SHOW search_path',
];

const FORBIDDEN: readonly string[] = [
  'SELECT * FROM pg_stats',
  "SELECT * FROM pg_stats WHERE tablename = 'people'",
  'SELECT most_common_vals, histogram_bounds FROM pg_catalog.pg_stats',
  'SELECT stavalues1 FROM pg_statistic',
  'SELECT last_value FROM ticket_seq',
  "SELECT nextval('ticket_seq')",
  'SELECT leak()',
  'SELECT p.leak FROM people p',
  'SELECT leak(p) FROM people p',
  'SELECT * FROM events_low',
  'SELECT secret FROM people',
  'SELECT * FROM hidden.vault',
  'TABLE secrets',
  'COPY secrets TO STDOUT',
  'COPY people (secret) TO STDOUT',
  "SELECT query_to_xml('SELECT * FROM secrets', true, true, '')",
  "SELECT table_to_xml('secrets', true, true, '')",
  "SELECT * FROM ts_stat('SELECT to_tsvector(word) FROM secrets')",
  "SELECT pg_read_file('base')",
  'SELECT last_value FROM pg_sequences',
  'SELECT query FROM pg_stat_activity',
  'SELECT * FROM pg_statistic_ext_data',
  'SELECT (SELECT s FROM secrets s LIMIT 1)::text, * FROM people',
  'WITH x AS (DELETE FROM secrets RETURNING *) SELECT * FROM x',
  "SELECT lo_get(1), pg_ls_dir('.')",
  'CREATE TEMP TABLE copied AS SELECT * FROM people',
  'SELECT * INTO copied FROM secrets',
  "DO $$ BEGIN RAISE NOTICE '%', (SELECT word FROM secrets LIMIT 1); END $$",
  'SELECT people.secret, secrets.word FROM people, secrets',
  "SELECT setting FROM pg_settings WHERE name = 'data_directory'",
];

const explainOptions = (random: Random, steady: boolean): string => {
  const options = random.some(
    ['VERBOSE', 'COSTS OFF', 'SETTINGS', `FORMAT ${random.pick(['JSON', 'YAML', 'XML', 'TEXT'])}`],
    random.whole(0, 3),
  );
  if (random.chance(0.4)) options.push('ANALYZE', ...(steady ? ['TIMING OFF', 'SUMMARY OFF', 'BUFFERS OFF'] : []));
  return options.length === 0 ? '' : ` (${options.join(', ')})`;
};

const copyOptions = (random: Random): string =>
  random.pick([
    '',
    ' WITH (FORMAT csv, HEADER)',
    ' WITH (FORMAT binary)',
    " (DELIMITER '|')",
    ' BINARY',
    ' WITH (FORMAT csv, FORCE_QUOTE *)',
  ]);

const copyTable = (place: Place): string => {
  const { random } = place;
  const { sql, fields, relation } = someTable(place);
  if (relation.derived === true) place.notes.unsteady = true;
  const columns = random.chance(0.7)
    ? ` (${random
        .some(fields, random.whole(1, 5))
        .map(({ name }) => quoteName(name))
        .join(', ')})`
    : '';
  return `COPY ${sql}${columns} TO STDOUT${copyOptions(random)}`;
};

/** The next case of `random`. */
export const nextCase = ({ random, number, guesses = [], steady = false, most = 4 }: CaseOptions): Case => {
  const notes: Notes = { forbidden: false, unsteady: false, parameters: [], names: 0 };
  const form = random.next();
  const isExtended = form < 0.4;
  const place: Place = { random, notes, items: [], queries: new Map(), depth: random.whole(1, most), parameters: isExtended, guesses };
  const done = (...steps: readonly Step[]): Case => ({ steps, legitimate: !notes.forbidden, steady: !notes.unsteady });
  if (form >= 0.95) {
    const catalog = random.chance(0.5);
    notes.forbidden = !catalog;
    return done(simple(random.pick(catalog ? CATALOG : FORBIDDEN)));
  }
  if (form >= 0.92) return done(simple(copyTable(place)));
  const { sql } = query(place, {});
  if (isExtended) return done(extended(random, sql, notes.parameters));
  if (form < 0.62) return done(simple(sql));
  if (form < 0.7) return done(simple(`COPY (${sql}) TO STDOUT${copyOptions(random)}`));
  if (form < 0.78) {
    const kind = random.pick(['', 'BINARY ', 'SCROLL ', 'INSENSITIVE ']);
    const hold = random.chance(0.2) ? ' WITH HOLD' : '';
    const fetch = random.pick(['FETCH ALL FROM c', 'FETCH 3 FROM c', 'FETCH FIRST FROM c']);
    const rest = ['MOVE 1 IN c', fetch, 'CLOSE c', 'COMMIT'];
    const declare = `DECLARE c ${kind}CURSOR${hold} FOR ${sql}`;
    if (random.chance(0.5)) return done(simple(['BEGIN', declare, ...rest].join('; ')));
    return done(simple('BEGIN'), simple(declare), ...(random.chance(0.5) ? [extended(random, fetch, [])] : []), ...rest.map(simple));
  }
  if (form < 0.84) {
    const name = `p${number}`;
    return done(
      simple(`PREPARE ${name} AS ${sql}`),
      simple(`EXECUTE ${name}`),
      ...(random.chance(0.2) ? [simple(`EXPLAIN (COSTS OFF) EXECUTE ${name}`)] : []),
      simple(`DEALLOCATE ${name}`),
    );
  }
  if (form < 0.92) return done(simple(`EXPLAIN${explainOptions(random, steady)} ${sql}`));
  throw new Error('every form has been handled');
};
