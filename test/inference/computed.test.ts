/**
 * Oracles that write: what the database computes of a hidden column and a written one, and whether it can.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectRaw, type RawClient, responseFields } from '../support/raw-client.ts';
import { AGENT, startWorld, type World } from './world.ts';

/** Columns beside `id`, hidden `pin` and `secret`, and `guess` and `label`, which are written; and what follows the table. */
type Table = readonly [columns: string, more?: string];

/** In each of them `guess` would find `pin`, by an error or by its absence. */
const ORACLES: Readonly<Record<string, Table>> = {
  overflow: ['total int GENERATED ALWAYS AS (pin * guess) STORED'],
  division: ['rate int GENERATED ALWAYS AS (1000 / (pin - guess)) STORED'],
  root: ['root float GENERATED ALWAYS AS (sqrt((pin - guess)::float)) STORED'],
  small_type: ['sum smallint GENERATED ALWAYS AS (pin + guess) STORED'],
  short_text: ['pair varchar(10) GENERATED ALWAYS AS (secret || label) STORED'],
  converted: ['n int GENERATED ALWAYS AS ((pin::text || guess::text)::int) STORED'],
  checked: ['diff bigint GENERATED ALWAYS AS (pin::bigint - guess) STORED, CHECK (diff > -100000)'],
  checked_text: ["pair text GENERATED ALWAYS AS (secret || label) STORED, CHECK (pair > 'm')"],
  unique_text: ['same text GENERATED ALWAYS AS (secret || label) STORED UNIQUE'],
  excluded: ['same text GENERATED ALWAYS AS (secret || label) STORED, EXCLUDE (same WITH =)'],
  referring: ['same text GENERATED ALWAYS AS (secret || label) STORED REFERENCES words'],
  not_null: ['hit int NOT NULL GENERATED ALWAYS AS (CASE WHEN pin = guess THEN NULL ELSE 1 END) STORED'],
  not_null_if: ['hit text NOT NULL GENERATED ALWAYS AS (NULLIF(secret, label)) STORED'],
  index_expression: ['n int', 'CREATE INDEX ON index_expression ((pin * guess))'],
  index_list: ['n int', 'CREATE INDEX ON index_list (lower(label), (pin * guess), id)'],
  index_predicate: ['n int', 'CREATE INDEX ON index_predicate (id) WHERE 100 / (pin - guess) > 0'],
};

const NEWEST: Readonly<Record<string, Table>> = {
  virtual_checked: ['diff bigint GENERATED ALWAYS AS (pin::bigint - guess) VIRTUAL, CHECK (diff > -100000)'],
  virtual_not_null: ['hit int NOT NULL GENERATED ALWAYS AS (CASE WHEN pin = guess THEN NULL ELSE 1 END) VIRTUAL'],
};

/** What says nothing, whatever is written. */
const PLAIN: Readonly<Record<string, Table>> = {
  joined_text: ["pair text GENERATED ALWAYS AS (secret || ' ' || COALESCE(label, '')) STORED"],
  searched: [
    `words tsvector GENERATED ALWAYS AS (setweight(to_tsvector('english', COALESCE(secret, '')), 'A') || to_tsvector('english', label)) STORED`,
    'CREATE INDEX ON searched USING gin (words)',
  ],
  folded: [
    'low text GENERATED ALWAYS AS (lower(label)) STORED UNIQUE',
    'CREATE UNIQUE INDEX ON folded (pin, upper(label)) WHERE guess * 2 > 0',
  ],
  compared: [`hit bool NOT NULL GENERATED ALWAYS AS (pin IS NULL OR guess > 5) STORED`],
  shown: ['diff int GENERATED ALWAYS AS (pin - guess) STORED'],
  doubled: ['twice int GENERATED ALWAYS AS (guess * 2) STORED', 'CREATE INDEX ON doubled ((guess * 3))'],
};

const ALL = { ...ORACLES, ...PLAIN };

const schemaOf = (tables: Readonly<Record<string, Table>>): string =>
  Object.entries(tables)
    .map(
      ([name, [columns, more = '']]) =>
        `CREATE TABLE ${name} (id int PRIMARY KEY, pin int, secret text, guess int, label text, ${columns}); ${more};
         INSERT INTO ${name} (id, pin, secret, guess, label) VALUES (1, 4711, 'zebra', 7, 'l');`,
    )
    .join('\n');

const PARTED = `CREATE TABLE parted (id int, pin int, guess int, label text) PARTITION BY RANGE ((pin * guess));
  CREATE TABLE parted_all PARTITION OF parted FOR VALUES FROM (MINVALUE) TO (MAXVALUE); INSERT INTO parted VALUES (1, 4711, 7, 'l');`;

const hidden = ['pin', 'secret'].map((column) => ({ column, mask: { type: 'Null' } }));
const written = { columns: ['guess', 'label'] };
const grant = (name: string, rest: object = {}): object => ({
  name: `public.${name}`,
  select: { columns: name === 'shown' ? ['id', 'guess', 'label', 'diff'] : ['id', 'guess', 'label'], masks: hidden },
  update: written,
  ...rest,
});

describe.each([15, 18] as const)('what is computed of hidden columns, PostgreSQL %i', (version) => {
  const oracles = version === 18 ? { ...ORACLES, ...NEWEST } : ORACLES;
  let world: World;
  let client: RawClient;
  const ask = async (sql: string): Promise<string> => {
    const frames = await client.query(sql);
    const error = frames.find(({ type }) => type === 'E');
    return error === undefined ? 'done' : `${responseFields(error).C} ${responseFields(error).D ?? ''}`;
  };
  beforeAll(async () => {
    const words = "CREATE TABLE words (word text PRIMARY KEY); INSERT INTO words VALUES ('zebral');";
    world = await startWorld(version, {
      schema: `${words} ${schemaOf({ ...ALL, ...oracles })} ${PARTED} ${schemaOf({ guessed: ['total int GENERATED ALWAYS AS (pin * guess) STORED'] })}`,
      relations: [
        ...Object.keys({ ...ALL, ...oracles }).map((name) => grant(name)),
        grant('parted', { select: { columns: ['id', 'guess', 'label'], masks: hidden.slice(0, 1) } }),
        grant('guessed', { guessable: ['pin'] }),
      ],
      limits: { probesPerSession: 5, probesPerHour: 100000 },
    });
    client = await connectRaw(world.proxy.port);
    await client.login({ user: AGENT, database: 'postgres' });
  });
  afterAll(async () => {
    client?.destroy();
    await world?.stop();
  });

  it.each([...Object.keys(oracles), 'parted'])('is refused: %s', async (name) => {
    const answers = [await ask(`UPDATE ${name} SET guess = 8 WHERE id = 1`), await ask(`UPDATE ${name} SET label = 'm' WHERE id = 1`)];
    expect(answers.join()).toMatch(/42501 .*which this agent may not read, so that its values could be found by trying/);
    // The one that has no part in it is written.
    expect(answers).toContain('done');
  });

  it.each(Object.keys(PLAIN))('is let be: %s', async (name) => {
    for (let time = 0; time < 8; time += 1)
      expect(await ask(`UPDATE ${name} SET guess = ${10 + time}, label = 'm${time}' WHERE id = 1`)).toBe('done');
  });

  it('is let be where all of it is given', async () => {
    expect(await ask(`UPDATE doubled SET guess = 2000000000 WHERE id = 1`)).toContain('22003');
  });

  it('counts what fails for its size, and what a policy lets be guessed', async () => {
    const own = await connectRaw(world.proxy.port);
    await own.login({ user: AGENT, database: 'postgres' });
    let answers = 0;
    while (!own.closed && answers < 20) {
      const frames = await own.query(`UPDATE guessed SET guess = ${answers} WHERE id = 1`);
      if (frames.some(({ type }) => type === 'C')) answers += 1;
      else break;
    }
    own.destroy();
    expect(answers).toBe(5);
  });
});
