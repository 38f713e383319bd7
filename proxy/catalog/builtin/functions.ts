/**
 * What each function of PostgreSQL 14 to 18 could do for an untrusted agent, by name. The class holds for every overload of the name.
 * A name that is absent is not known, and refused.
 */
import { HARMLESS_IMMUTABLE } from './harmless-immutable.ts';
import { HARMLESS_STABLE } from './harmless-stable.ts';
import { INTERNAL_FUNCTIONS } from './internal-functions.ts';
import { listed } from './listed.ts';
import { EFFECT_FUNCTIONS, READING_FUNCTIONS, REVEALING_FUNCTIONS, SILENT_FUNCTIONS } from './refused-functions.ts';

/**
 * Only `harmless` may run as it is; `judged` names depend on their arguments (settings.ts); `silent` ones would reveal, but are only run
 * with NULL, and then answer NULL; all others are refused.
 */
export type FunctionClass = 'harmless' | 'judged' | 'silent' | RefusedFunctionClass;

/** `typed` ones are refused unless a constant names the type, and it is PostgreSQL's own (`checks/type-texts.ts` of the policy). */
export type RefusedFunctionClass = 'reads' | 'effect' | 'reveals' | 'internal' | 'typed';

const JUDGED_FUNCTIONS = listed('current_setting set_config');

/** They read a text as a type that another text names, and run the checks of a domain, which no cast in the statement shows. */
const TYPED_FUNCTIONS = listed('pg_input_error_info pg_input_is_valid');

const SQL_STANDARD_FUNCTIONS = listed(`
  _pg_char_max_length _pg_char_octet_length _pg_datetime_precision _pg_expandarray _pg_index_position _pg_interval_type
  _pg_numeric_precision _pg_numeric_precision_radix _pg_numeric_scale _pg_truetypid _pg_truetypmod
`);

const classed = (names: readonly string[], functionClass: FunctionClass): readonly (readonly [string, FunctionClass])[] =>
  names.map((name) => [name, functionClass]);

/** Every function, aggregate and window function of schema pg_catalog. */
export const FUNCTION_CLASSES: ReadonlyMap<string, FunctionClass> = new Map([
  ...classed(HARMLESS_IMMUTABLE, 'harmless'),
  ...classed(HARMLESS_STABLE, 'harmless'),
  ...classed(JUDGED_FUNCTIONS, 'judged'),
  ...classed(TYPED_FUNCTIONS, 'typed'),
  ...classed(INTERNAL_FUNCTIONS, 'internal'),
  ...classed(READING_FUNCTIONS, 'reads'),
  ...classed(EFFECT_FUNCTIONS, 'effect'),
  ...classed(REVEALING_FUNCTIONS, 'reveals'),
  ...classed(SILENT_FUNCTIONS, 'silent'),
]);

/** Every function of schema information_schema: they serve its views, and some tools call them. */
export const INFORMATION_SCHEMA_FUNCTIONS: ReadonlyMap<string, FunctionClass> = new Map(classed(SQL_STANDARD_FUNCTIONS, 'harmless'));

/** The class of a system function; undefined for an unknown name and for any other schema. */
export const functionClass = (schema: string, name: string): FunctionClass | undefined => {
  if (schema === 'pg_catalog') return FUNCTION_CLASSES.get(name);
  return schema === 'information_schema' ? INFORMATION_SCHEMA_FUNCTIONS.get(name) : undefined;
};

const DETAILS: Readonly<Record<RefusedFunctionClass | 'silent', string>> = {
  silent: 'It tells about definitions, other sessions or the server, and answers NULL instead where its first argument is plain.',
  reads: 'It reads relations or files by name, or runs a text as a query.',
  effect: 'It acts on more than the rows of this statement.',
  reveals: 'It tells about other sessions, definitions or the server.',
  typed: 'It reads a text as a type, which has to be named by a constant, and to be one of pg_catalog.',
  internal: 'It serves PostgreSQL itself, and is not meant to be called.',
};

/** Why a function of this class is refused: one sentence for the DETAIL of the error. */
export const refusedFunctionDetail = (functionClass: RefusedFunctionClass | 'silent'): string => DETAILS[functionClass];
