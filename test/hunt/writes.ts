/**
 * Random statements that write, each undone: things start here with `nextWrite`.
 */
import { type Case, type CaseOptions, extended, simple } from './cases.ts';
import { quoteName, RELATIONS, type Relation } from './database.ts';
import { expressions, query } from './queries.ts';
import { deeper, type Field, freshName, type Notes, type Place } from './scope-of-names.ts';

type Grant = { readonly insert: readonly string[]; readonly update: readonly string[]; readonly delete?: true };

/** What the policy of the hunt grants for writing, by relation; constraints there involve what is shown. */
export const WRITABLE: Readonly<Record<string, Grant>> = {
  people: { insert: ['id', 'name', 'city', 'joined', 'ssn', 'salary'], update: ['name', 'city', 'joined', 'ssn', 'worth'], delete: true },
  orders: {
    insert: ['id', 'person_id', 'region', 'amount', 'note'],
    update: ['person_id', 'region', 'amount', 'note', 'voucher'],
    delete: true,
  },
  items: { insert: ['*'], update: ['*'], delete: true },
  notes: { insert: ['id', 'topic'], update: ['topic', 'body'] },
  events: { insert: ['id', 'kind'], update: ['kind', 'payload'], delete: true },
};

type Target = { readonly relation: Relation; readonly grant: Grant; readonly place: Place; readonly seen: readonly Field[] };

const targetOf = (place: Place): Target => {
  const relation = place.random.pick(RELATIONS.filter(({ name }) => WRITABLE[name] !== undefined));
  const seen = relation.columns.filter(({ denied }) => denied !== true);
  return { relation, grant: WRITABLE[relation.name]!, place: { ...deeper(place), items: [{ alias: relation.name, fields: seen }] }, seen };
};

const listed = (columns: readonly string[], { relation }: Target): readonly Field[] =>
  relation.columns.filter(({ name }) => columns[0] === '*' || columns.includes(name));

/** A value that most rows can take. */
const valueOf = (place: Place, { name, family }: Field): string =>
  name === 'id'
    ? String(place.random.whole(100, 140))
    : name === 'region' && place.random.chance(0.8)
      ? "'eu'"
      : place.random.chance(0.4)
        ? expressions.of(place, family)
        : expressions.of({ ...place, depth: 0, items: [] }, family);

const setOf = (target: Target, place: Place): string =>
  place.random
    .some(listed(target.grant.update, target), place.random.whole(1, 2))
    .filter(({ name }) => name !== 'id')
    .concat(listed(target.grant.update, target).find(({ name }) => name !== 'id')!)
    .filter((field, index, all) => all.findIndex(({ name }) => name === field.name) === index)
    .map((field) => `${quoteName(field.name)} = ${place.random.chance(0.15) ? 'DEFAULT' : valueOf(place, field)}`)
    .join(', ');

const whereOf = ({ random, ...rest }: Place): string => {
  const place = { random, ...rest };
  const parts = [...(random.chance(0.6) ? [expressions.plain(place)] : []), ...(random.chance(0.5) ? [expressions.of(place, 'bool')] : [])];
  return parts.length === 0 ? '' : ` WHERE ${parts.join(' AND ')}`;
};

const returningOf = (place: Place): string => {
  const { random } = place;
  if (random.chance(0.4)) return '';
  const columns = Array.from({ length: random.whole(1, 3) }, () => expressions.any(place).sql);
  return ` RETURNING ${random.pick(['*', columns.join(', '), columns.join(', ')])}`;
};

const rowsFor = (place: Place, fields: readonly Field[]): string => {
  const bare: Place = { ...place, items: [] };
  const row = (): string => `(${fields.map((field) => valueOf(bare, field)).join(', ')})`;
  if (place.random.chance(0.6)) return `VALUES ${Array.from({ length: place.random.whole(1, 3) }, row).join(', ')}`;
  return query({ ...deeper(place), items: [] }, { families: fields.map(({ family }) => family), most: 3 }).sql;
};

const insert = (target: Target): string => {
  const { grant, relation, place } = target;
  const { random } = place;
  const given = listed(grant.insert, target);
  const fields = random.chance(0.5) ? given : [given[0]!, ...random.some(given.slice(1), 2)];
  const seen: Place = { ...place, items: [...place.items, { alias: 'excluded', fields: target.seen }] };
  const conflict = random.pick(['', '', ' ON CONFLICT DO NOTHING', ' ON CONFLICT (id) DO NOTHING', 'update']);
  const upsert = ` ON CONFLICT (id) DO UPDATE SET ${setOf(target, seen)}${random.chance(0.4) ? whereOf(seen) : ''}`;
  const columns = fields.map(({ name }) => quoteName(name)).join(', ');
  return `INSERT INTO ${relation.name} (${columns}) ${rowsFor(place, fields)}${conflict === 'update' ? upsert : conflict}${returningOf(place)}`;
};

/** Another query beside the target, and a place that sees both. */
const beside = (place: Place): { readonly sql: string; readonly both: Place; readonly alias: string } => {
  const families = ['int', 'text'] as const;
  const alias = freshName(place, 's');
  const source = query({ ...deeper(place), items: [] }, { families, most: 5 });
  const fields = families.map((family, index) => ({ name: `k${index}`, family }));
  return { sql: `(${source.sql}) AS ${alias} (k0, k1)`, both: { ...place, items: [...place.items, { alias, fields }] }, alias };
};

const update = (target: Target): string => {
  const { relation, place } = target;
  const source = place.random.chance(0.3) ? beside(place) : undefined;
  const inner = source?.both ?? place;
  const from = source === undefined ? '' : ` FROM ${source.sql}`;
  const where = whereOf(inner);
  return `UPDATE ${relation.name} SET ${setOf(target, inner)}${from}${where}${returningOf(inner)}`;
};

const remove = (target: Target): string => {
  const { relation, place } = target;
  const source = place.random.chance(0.3) ? beside(place) : undefined;
  const inner = source?.both ?? place;
  const using = source === undefined ? '' : ` USING ${source.sql}`;
  return `DELETE FROM ${relation.name}${using}${whereOf(inner)}${returningOf(inner)}`;
};

const merge = (target: Target): string => {
  const { relation, place, grant } = target;
  const { random } = place;
  const { sql, both, alias } = beside(place);
  const source: Place = { ...both, items: both.items.filter((item) => item.alias === alias) };
  const given = listed(grant.insert, target);
  const and = (inner: Place): string => (random.chance(0.4) ? ` AND ${expressions.of(inner, 'bool')}` : '');
  const matched = random.pick([`UPDATE SET ${setOf(target, both)}`, ...(grant.delete ? ['DELETE'] : []), 'DO NOTHING']);
  const missing = `INSERT (${given.map(({ name }) => quoteName(name)).join(', ')}) VALUES (${given.map((field) => valueOf(source, field)).join(', ')})`;
  return (
    `MERGE INTO ${relation.name} USING ${sql} ON ${relation.name}.id = ${alias}.k0${random.chance(0.3) ? ` AND ${expressions.of(both, 'bool')}` : ''}` +
    ` WHEN MATCHED${and(both)} THEN ${matched}${random.chance(0.5) ? ` WHEN NOT MATCHED${and(source)} THEN ${missing}` : ''}${random.chance(0.3) ? returningOf(both) : ''}`
  );
};

/** The next write of `random`, in a transaction that shows what it has done and is rolled back. */
export const nextWrite = ({ random, guesses = [] }: CaseOptions): Case => {
  const notes: Notes = { forbidden: false, unsteady: false, parameters: [], names: 0 };
  const isExtended = random.chance(0.3);
  const place: Place = { random, notes, items: [], queries: new Map(), depth: random.whole(1, 3), parameters: isExtended, guesses };
  const target = targetOf(place);
  const make = random.pick([insert, update, update, ...(target.grant.delete ? [remove] : []), merge]);
  const plain = make(target);
  const form = random.next();
  const sql =
    form < 0.1 && plain.includes('RETURNING') && make !== merge
      ? `WITH w AS (${plain}) SELECT count(*) FROM w`
      : form < 0.2
        ? `EXPLAIN (VERBOSE, COSTS OFF) ${plain}`
        : plain;
  const seen = target.seen.map(({ name }) => quoteName(name)).join(', ');
  return {
    steps: [
      simple('BEGIN'),
      isExtended ? extended(random, sql, notes.parameters) : simple(sql),
      simple(`SELECT ${seen} FROM ${target.relation.name} ORDER BY id, 2`),
      simple('ROLLBACK'),
    ],
    legitimate: !notes.forbidden,
    steady: !notes.unsteady,
  };
};
