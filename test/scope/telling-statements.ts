/** Random statements over `orders`, whose rows are hidden in part, and `people`: with conditions that fail on hidden rows, and indexes. */
import type { Random } from '../hunt/random.ts';

/** Conditions over columns of orders under an alias that cannot fail. */
const HARMLESS: readonly ((o: string, random: Random) => string)[] = [
  (o, r) => `${o}id = ${r.whole(1, 400)}`,
  (o, r) => `${o}id BETWEEN ${r.whole(1, 200)} AND ${r.whole(150, 400)}`,
  (o, r) => `${o}person IN (${r.whole(1, 40)}, ${r.whole(1, 40)})`,
  (o, r) => `${o}amount = ${r.pick([500, 501, 100, 102])}`,
  (o, r) => `${o}amount < ${r.pick([501.5, 103, 1000])}`,
  (o, r) => `${o}note = '${r.pick(['hidden1', '11', '14'])}'`,
  (o, r) => `${o}note LIKE '${r.pick(['hid%', '1%', '%1'])}'`,
  (o, r) => `${o}big > ${r.pick(['5000000000', '12', '300'])}`,
  (o, r) => `${o}day >= date '2024-0${r.whole(1, 9)}-01'`,
  (o) => `${o}day < current_date - 3`,
  (o) => `${o}note IS NOT NULL`,
  (o, r) => `(${o}id = ${r.whole(1, 400)} OR ${o}amount > ${r.pick([104, 499])})`,
  (o, r) => `${o}region = '${r.pick(['us', 'eu'])}'`,
  (o, r) => `${o}id = ANY ('{${r.whole(1, 400)},${r.whole(1, 400)}}')`,
];

/** Expressions that fail on hidden rows of one database, and on no visible one. */
const FAILING: readonly ((o: string) => string)[] = [
  (o) => `1 / (${o}amount - 501)`,
  (o) => `10 % (${o}amount - 500)`,
  (o) => `${o}note::int`,
  (o) => `${o}big::int`,
  (o) => `${o}amount * 10000000 / 2`,
  (o) => `exp((${o}amount - 100) * 2.0::float8)::int8`,
  (o) => `length(chr(600 - ${o}amount - 99))`,
  (o) => `array_length(array_fill(1, ARRAY[510 - ${o}amount - 9]), 1)`,
];

const TELLING: readonly ((o: string) => string)[] = [
  ...FAILING.flatMap((make) => [
    (o: string) => `${make(o)} > -5`,
    (o: string) => `${make(o)} IS NOT NULL`,
    (o: string) => `${make(o)} BETWEEN -1000000000 AND 2000000000`,
  ]),
  (o) => `${o}note LIKE 'h%dde\\'`,
  (o) => `${o}note NOT LIKE 'hid_en\\'`,
  (o) => `${o}amount = ${o}note::int`,
  (o) => `${o}id = ${o}big::int`,
];

const harmless = (random: Random, o: string): string => random.pick(HARMLESS)(o, random);
const telling = (random: Random, o: string): string => random.pick(TELLING)(o);
const failing = (random: Random, o: string): string => random.pick(FAILING)(o);

/** Some conditions with AND, OR and NOT, more of them harmless than not. */
const condition = (random: Random, o: string, doubt = 0.45): string => {
  const one = (): string => (random.chance(doubt) ? telling(random, o) : harmless(random, o));
  const parts = Array.from({ length: random.whole(1, 3) }, one);
  if (random.chance(0.15)) return `(${parts.join(' OR ')}) AND ${one()}`;
  if (random.chance(0.1)) return `NOT (${parts.join(' OR ')})`;
  return parts.join(' AND ');
};

const JOINS = ['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'];

/** A condition that joins, and more of them over either side. */
const on = (random: Random, left: string, right: string): string => {
  const join = random.pick([`${left}id = ${right}person`, `${left}id = ${right}id`, `${left}id = ${right}person`]);
  return random.chance(0.5) ? join : `${join} AND ${condition(random, right)}`;
};

const SHAPES: readonly ((random: Random) => string)[] = [
  (r) => `SELECT o.id, o.note FROM orders o WHERE ${condition(r, 'o.')}`,
  (r) => `SELECT id, ${failing(r, '')} FROM orders WHERE ${condition(r, '', 0.1)}`,
  (r) => `SELECT id FROM orders WHERE ${condition(r, '', 0.2)} ORDER BY ${failing(r, '')}, id LIMIT 5`,
  (r) => `SELECT o.id, p.id FROM people p ${r.pick(JOINS)} orders o ON ${on(r, 'p.', 'o.')} WHERE ${condition(r, 'o.')}`,
  (r) =>
    `SELECT a.id, b.id FROM orders a ${r.pick(JOINS.slice(0, 3))} orders b ON ${on(r, 'a.', 'b.')} WHERE ${condition(r, 'a.', 0.2)} AND ${condition(r, 'b.', 0.2)}`,
  (r) => `SELECT o.id, p.id FROM orders o, people p WHERE p.id = o.person AND ${condition(r, 'o.')} AND p.id < ${r.whole(2, 20)}`,
  (r) => `SELECT o.id FROM orders o, people p WHERE p.id = ${failing(r, 'o.')} AND ${harmless(r, 'o.')}`,
  (r) => `SELECT a.id FROM orders a, orders b WHERE a.id = ${failing(r, 'b.')} AND ${harmless(r, 'b.')} AND ${harmless(r, 'a.')}`,
  (r) =>
    `SELECT s.id, s.x FROM (SELECT id, person, amount, note, big, day, region, ${failing(r, '')} AS x FROM orders WHERE ${harmless(r, '')}) s WHERE ${r.pick(['s.x > 0', harmless(r, 's.'), condition(r, 's.')])}`,
  (r) =>
    `WITH w AS ${r.pick(['', 'MATERIALIZED ', 'NOT MATERIALIZED '])}(SELECT * FROM orders WHERE ${condition(r, '', 0.2)}) SELECT w.id FROM w WHERE ${condition(r, 'w.')}`,
  (r) =>
    `SELECT s.id FROM (SELECT * FROM orders ${r.pick(['UNION ALL', 'UNION', 'INTERSECT'])} SELECT * FROM orders WHERE ${condition(r, '', 0.2)}) s WHERE ${condition(r, 's.')}`,
  (r) =>
    `SELECT p.id FROM people p WHERE ${r.pick(['', 'NOT '])}EXISTS (SELECT ${r.pick(['1', '*', failing(r, 'o.')])} FROM orders o WHERE o.person = p.id AND ${condition(r, 'o.', 0.2)})`,
  (r) =>
    `SELECT p.id FROM people p WHERE p.id ${r.pick(['IN', 'NOT IN'])} (SELECT ${r.pick(['person', 'id', failing(r, '')])} FROM orders WHERE ${condition(r, '', 0.2)})`,
  (r) =>
    `SELECT id FROM orders WHERE id = (SELECT ${r.pick(['max(id)', `max(${failing(r, '')})`])} FROM orders WHERE ${condition(r, '', 0.2)})`,
  (r) => `SELECT id, (SELECT count(*) FROM orders o WHERE o.person = p.id AND ${condition(r, 'o.', 0.2)}) FROM people p`,
  (r) =>
    `SELECT id, (SELECT ${failing(r, 'o.')} + p.id FROM people p WHERE p.id = o.person) FROM orders o WHERE ${condition(r, 'o.', 0.1)}`,
  (r) =>
    `SELECT o.id, l.x FROM orders o, LATERAL (SELECT ${failing(r, 'o.')} AS x) l WHERE ${r.pick([harmless(r, 'o.'), 'l.x > 0', condition(r, 'o.')])}`,
  (r) =>
    `SELECT p.id, l.id FROM people p, LATERAL (SELECT o.* FROM orders o WHERE o.person = p.id AND ${condition(r, 'o.', 0.2)} ORDER BY o.id LIMIT 2) l WHERE ${condition(r, 'l.', 0.2)}`,
  (r) => `SELECT o.id FROM orders o, generate_series(1, greatest(0, least(2, ${failing(r, 'o.')}))) g WHERE ${harmless(r, 'o.')}`,
  (r) =>
    `SELECT person, count(*), sum(amount) FROM orders WHERE ${condition(r, '', 0.2)} GROUP BY person HAVING ${r.pick(['count(*) > 1', `person = ${r.whole(1, 40)}`, 'sum(amount) > 300', `max(${failing(r, '')}) > 0`])}`,
  (r) => `SELECT amount FROM orders WHERE ${harmless(r, '')} GROUP BY amount, note, big, id HAVING ${telling(r, '')}`,
  (r) =>
    `SELECT ${failing(r, '')} AS k, count(*) FROM orders WHERE ${harmless(r, '')} GROUP BY 1 HAVING ${r.pick(['count(*) > 0', `${failing(r, '')} > 0`])}`,
  (r) =>
    `SELECT s.id FROM (SELECT *, row_number() OVER (PARTITION BY person ORDER BY ${r.pick(['id', failing(r, '')])}, id) AS n FROM orders WHERE ${harmless(r, '')}) s WHERE ${r.pick(['n = 1', `person = ${r.whole(1, 40)}`, condition(r, 's.', 0.2)])}`,
  (r) => `SELECT DISTINCT ON (person) id FROM orders WHERE ${condition(r, '', 0.2)} ORDER BY person, id`,
  (r) => `SELECT s.id FROM (SELECT DISTINCT id, amount, note, big, day, person, region FROM orders) s WHERE ${condition(r, 's.', 0.3)}`,
  (r) => `SELECT count(*) FILTER (WHERE ${telling(r, '')}), max(id) FROM orders WHERE ${harmless(r, '')}`,
  (r) => `SELECT CASE WHEN ${harmless(r, '')} THEN ${failing(r, '')} END, id FROM orders WHERE ${harmless(r, '')}`,
  (r) => `SELECT id FROM orders WHERE CASE WHEN ${harmless(r, '')} THEN ${telling(r, '')} ELSE true END AND ${harmless(r, '')}`,
  (r) => `SELECT o.id, id FROM orders o JOIN people p USING (id) WHERE ${condition(r, 'o.', 0.3)} AND id < ${r.whole(5, 40)}`,
  (r) =>
    `WITH RECURSIVE w AS (SELECT id, amount FROM orders WHERE ${harmless(r, '')} UNION SELECT o.id, o.amount FROM w JOIN orders o ON o.id = w.id + 2 WHERE ${condition(r, 'o.', 0.2)}) SELECT id FROM w`,
  (r) =>
    `SELECT id FROM orders WHERE (id, amount) IN (SELECT id, amount FROM orders WHERE ${condition(r, '', 0.3)}) AND ${harmless(r, '')}`,
  (r) =>
    `SELECT p.id FROM people p LEFT JOIN (SELECT o.person, ${failing(r, 'o.')} AS x FROM orders o WHERE ${harmless(r, 'o.')}) s ON s.person = p.id AND ${r.pick(['s.x > 0', 's.person > 3'])}`,
];

/** One statement that reads. Its answer depends on the rows alone, not on their order. */
export const randomStatement = (random: Random): string => random.pick(SHAPES)(random);
