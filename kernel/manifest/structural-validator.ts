/**
 * Validates a document against the structural schema of its kind and fills in the defaults, as the API server does, but with unknown
 * fields as errors.
 */
import type { FieldPath } from './field-path.ts';
import { nearestName } from './nearest-name.ts';
import type { Fault } from './problem.ts';
import { kindsOf, type Violation, violationsOf } from './structural-check.ts';
import type { StructuralSchema } from './structural-schema.ts';

const schemaAt = (schema: StructuralSchema, path: FieldPath): StructuralSchema | undefined =>
  path.reduce<StructuralSchema | undefined>((current, step) => {
    if (typeof step === 'number') return current?.items;
    const { properties } = current ?? {};
    return properties !== undefined && Object.hasOwn(properties, step) ? properties[step] : current?.additionalProperties;
  }, schema);

const valueAt = (document: unknown, path: FieldPath): unknown =>
  path.reduce<unknown>((current, step) => (current as Readonly<Record<string | number, unknown>> | undefined)?.[step], document);

const quoted = (value: unknown): string => {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 76)}..."` : text;
};

const typeOf = (value: unknown): string => {
  if (value === null) return 'empty (null)';
  if (Array.isArray(value)) return 'a list';
  return { object: 'a mapping', string: 'a text', boolean: 'true or false' }[typeof value as string] ?? 'a number';
};

const TYPE_NAMES: Readonly<Record<NonNullable<StructuralSchema['type']>, string>> = {
  object: 'a mapping',
  array: 'a list',
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

const didYouMean = (name: string, known: readonly string[], otherwise: string): string => {
  const nearest = nearestName(name, known);
  return nearest === undefined ? otherwise : `Did you mean "${nearest}"?`;
};

/** What each keyword says when it is not met, and what is to be done. */
const faultOf = ({ keyword, path, field = '' }: Violation, schema: StructuralSchema, document: unknown): Fault => {
  const value = valueAt(document, path);
  const there = schemaAt(schema, path) ?? {};
  const remedy = there.description ?? '';
  switch (keyword) {
    case 'additionalProperties': {
      const known = Object.keys(there.properties ?? {});
      const list = known.length === 0 ? 'It has no fields: write {}.' : `Known fields: ${known.join(', ')}.`;
      return { path: [...path, field], message: `unknown field "${field}"`, remedy: didYouMean(field, known, list) };
    }
    case 'required':
      return { path: [...path, field], message: 'is missing', remedy: there.properties?.[field]?.description ?? `Add ${field}.` };
    case 'enum': {
      const allowed = there.enum ?? [];
      return {
        path,
        message: `${quoted(value)} is not one of ${allowed.join(', ')}`,
        // An object need not be fit for String(): `toString` may be a field of it.
        remedy: typeof value === 'string' ? didYouMean(value, allowed, remedy) : remedy,
      };
    }
    case 'type': {
      const wanted = (kindsOf(there) ?? []).map((kind) => TYPE_NAMES[kind]);
      const empty = value === null && there.type === 'object';
      const message = `must be ${wanted.join(' or ')}, but is ${typeOf(value)}`;
      return { path, message, remedy: empty ? 'Write {} for an empty mapping, or remove the field.' : remedy };
    }
    case 'pattern':
      return { path, message: `${quoted(value)} is not of the form that is expected`, remedy };
    case 'format':
      return { path, message: `${quoted(value)} is not a date with time and zone`, remedy };
    case 'minLength':
    case 'minItems':
    case 'minProperties':
      return { path, message: 'is empty or too short', remedy };
    case 'maxLength':
    case 'maxItems':
    case 'maxProperties':
      return { path, message: `is too long: the limit is ${there[keyword]}`, remedy };
    case 'minimum':
      return { path, message: `must be >= ${there.minimum}`, remedy };
    case 'maximum':
      return { path, message: `must be <= ${there.maximum}`, remedy };
    default:
      return { path, message: keyword, remedy };
  }
};

/** What is wrong with a document of one kind. Fills defaults into the document. */
export const structuralFaults = (schema: StructuralSchema, document: unknown): readonly Fault[] =>
  violationsOf(schema, document).map((violation) => faultOf(violation, schema, document));
