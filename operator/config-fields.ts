/**
 * Readers of configuration values: each takes what YAML gave and where it stands, and gives a value of its type or says what is wrong.
 */
import { nearestName } from '../kernel/manifest/nearest-name.ts';

/** What is wrong with the configuration, in one sentence that names the field. */
export class ConfigError extends Error {}

export type Reader<T> = (value: unknown, at: string) => T;

type Readers<T> = { readonly [Field in keyof T]-?: Reader<T[Field]> };

const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80));

/** A text of this form; `what` describes it. */
export const text =
  (what: string, form = /./): Reader<string> =>
  (value, at) => {
    if (typeof value !== 'string' || !form.test(value)) throw new ConfigError(`${at} takes ${what}, not ${shown(value)}`);
    return value;
  };

/** One of some words. */
export const oneOf =
  <const Word extends string>(...words: readonly Word[]): Reader<Word> =>
  (value, at) => {
    const word = words.find((known) => known === value);
    if (word === undefined) throw new ConfigError(`${at} is one of ${words.join(', ')}, not ${shown(value)}`);
    return word;
  };

/** Yes or no. */
export const flag: Reader<boolean> = (value, at) => {
  if (typeof value !== 'boolean') throw new ConfigError(`${at} is true or false, not ${shown(value)}`);
  return value;
};

/** A whole number within bounds. */
export const wholeNumber =
  (least: number, most: number): Reader<number> =>
  (value, at) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
      throw new ConfigError(`${at} takes a whole number from ${least} to ${most}, not ${shown(value)}`);
    }
    return value;
  };

/** What may be left out. */
export const optional =
  <T, Otherwise>(reader: Reader<T>, otherwise: Otherwise): Reader<T | Otherwise> =>
  (value, at) =>
    value === undefined ? otherwise : reader(value, at);

export const listOf =
  <T>(reader: Reader<T>): Reader<readonly T[]> =>
  (value, at) => {
    if (!Array.isArray(value)) throw new ConfigError(`${at} takes a list, not ${shown(value)}`);
    return value.map((one, index) => reader(one, `${at}[${index}]`));
  };

const mapping: Reader<Readonly<Record<string, unknown>>> = (value, at) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError(`${at === '' ? 'it' : at} takes fields, not ${shown(value)}`);
  }
  return value as Readonly<Record<string, unknown>>;
};

/** Any names, with values of one kind. */
export const valuesOf =
  <T>(reader: Reader<T>): Reader<Readonly<Record<string, T>>> =>
  (value, at) =>
    Object.fromEntries(Object.entries(mapping(value, at)).map(([name, one]) => [name, reader(one, `${at}.${name}`)]));

const within = (at: string, field: string): string => (at === '' ? field : `${at}.${field}`);

/** These fields and no others. One that is left out is no field of the result. */
export const fields =
  <T extends object>(readers: Readers<T>): Reader<T> =>
  (value, at) => {
    const given = mapping(value, at);
    const known = Object.keys(readers);
    const unknown = Object.keys(given).find((field) => !known.includes(field));
    if (unknown !== undefined) {
      const nearest = nearestName(unknown, known);
      throw new ConfigError(`${within(at, unknown)} is not known${nearest === undefined ? '' : `: did you mean ${nearest}?`}`);
    }
    const entries = Object.entries<Reader<unknown>>(readers).map(
      ([field, reader]) => [field, reader(given[field], within(at, field))] as const,
    );
    return Object.fromEntries(entries.filter(([, one]) => one !== undefined)) as T;
  };

/** One of several shapes, told apart by the word in a field. */
export const byWord =
  <Word extends string, T>(field: string, shapes: Readonly<Record<Word, Reader<T>>>): Reader<T> =>
  (value, at) => {
    const words = Object.keys(shapes) as Word[];
    const word = oneOf(...words)(mapping(value, at)[field], within(at, field));
    return shapes[word](value, at);
  };
