/**
 * What a place in a generated statement can name.
 */
import { quoteName, RELATIONS, type Relation } from './database.ts';
import type { Random } from './random.ts';
import type { Family } from './values.ts';

export type Field = { readonly name: string; readonly family: Family };

/** Something that stands in a FROM clause. */
export type Item = { readonly alias: string; readonly fields: readonly Field[] };

/** What generating found out about the whole statement. */
export type Notes = {
  /** It names something that is not granted. */
  forbidden: boolean;
  /** Two runs need not give the same answer. */
  unsteady: boolean;
  /** Values of $1, $2, ... */
  readonly parameters: string[];
  /** Written so that aliases differ. */
  names: number;
};

export type Place = {
  readonly random: Random;
  readonly notes: Notes;
  readonly items: readonly Item[];
  /** CTEs in reach, by name: they hide tables. */
  readonly queries: ReadonlyMap<string, readonly Field[]>;
  /** How much deeper sub-queries may go. */
  readonly depth: number;
  /** `$n` may be written. */
  readonly parameters: boolean;
  /** Guesses at values that two databases have: literals of one of them. */
  readonly guesses: readonly string[];
};

export const deeper = (place: Place): Place => ({ ...place, depth: place.depth - 1 });

export const freshName = (place: Place, prefix: string): string => {
  place.notes.names += 1;
  return `${prefix}${place.notes.names}`;
};

const GRANTED = RELATIONS.filter(({ granted }) => granted);
const DENIED = RELATIONS.filter(({ granted }) => !granted);

const isSeen = ({ columns }: Relation): readonly Field[] => columns.filter(({ denied }) => denied !== true);

/** A table, its name as written and what it has; now and then one that is not granted. */
export const someTable = (
  place: Place,
): { readonly sql: string; readonly name: string; readonly fields: readonly Field[]; readonly relation: Relation } => {
  const { random, notes, queries } = place;
  const forbidden = random.chance(0.012);
  const relation = random.chance(0.35) && !forbidden ? GRANTED[0]! : random.pick(forbidden ? DENIED : GRANTED);
  const shadowed = queries.has(relation.name);
  const bare = relation.schema === 'public' && !shadowed && random.chance(0.7);
  if (forbidden) notes.forbidden = true;
  const sql = bare ? quoteName(relation.name) : `${relation.schema}.${quoteName(relation.name)}`;
  return { sql, name: relation.name, fields: isSeen(relation), relation };
};

/** A column of that family that is in reach; now and then one that is not granted. */
export const someField = (place: Place, family: Family): string | undefined => {
  const { random, items, notes } = place;
  const found = items.flatMap(({ alias, fields }) =>
    fields.filter((field) => field.family === family).map((field) => `${quoteName(alias)}.${quoteName(field.name)}`),
  );
  const people = items.find(({ fields }) => fields.some(({ name }) => name === 'ssn'));
  if (people !== undefined && random.chance(0.003)) {
    notes.forbidden = true;
    return `${quoteName(people.alias)}.${family === 'int' ? 'score' : 'secret'}`;
  }
  return found.length === 0 ? undefined : random.pick(found);
};

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
