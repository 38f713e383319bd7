/**
 * Validates a document against the structural schema of its kind and fills in the defaults, as the API server does, but with unknown
 * fields as errors.
 */
import { Ajv, type AnySchemaObject, type ErrorObject, type ValidateFunction } from 'ajv';
import type { FieldPath } from './field-path.ts';
import { nearestName } from './nearest-name.ts';
import type { Fault } from './problem.ts';
import type { StructuralSchema } from './structural-schema.ts';

const mapValues = <Value, Result>(record: Readonly<Record<string, Value>>, change: (value: Value) => Result): Record<string, Result> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));

/** The structural schema as JSON Schema: closed where it lists properties, and without Kubernetes' own keywords. */
const jsonSchemaOf = (schema: StructuralSchema): AnySchemaObject => {
  const { properties, additionalProperties, items, anyOf: _, description: __, ...rest } = schema;
  const plain = Object.fromEntries(Object.entries(rest).filter(([keyword]) => !keyword.startsWith('x-kubernetes-')));
  const closed = schema.type === 'object' && additionalProperties === undefined;
  return {
    ...plain,
    ...(schema['x-kubernetes-int-or-string'] === true ? { type: ['integer', 'string'] } : {}),
    ...(properties === undefined ? {} : { properties: mapValues(properties, jsonSchemaOf) }),
    ...(items === undefined ? {} : { items: jsonSchemaOf(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: jsonSchemaOf(additionalProperties) }),
    ...(closed ? { additionalProperties: false } : {}),
  };
};

/** RFC 3339, as Kubernetes' `date-time`, and a time that exists. */
export const isDateTime = (text: string): boolean => {
  const match = /^(\d{4}-\d\d-(\d\d))T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const day = match === null ? undefined : new Date(`${match[1]}T00:00:00Z`).getUTCDate();
  return day !== undefined && day === Number(match?.[2]) && !Number.isNaN(Date.parse(text));
};

const pathOf = (error: ErrorObject): (string | number)[] =>
  error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));

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

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a mapping',
  array: 'a list',
  string: 'a text',
  integer: 'a whole number',
  boolean: 'true or false',
};

const didYouMean = (name: string, known: readonly string[], otherwise: string): string => {
  const nearest = nearestName(name, known);
  return nearest === undefined ? otherwise : `Did you mean "${nearest}"?`;
};

/** What each keyword of JSON Schema says when it fails, and what is to be done. */
const faultOf = (error: ErrorObject, schema: StructuralSchema, document: unknown): Fault => {
  const path = pathOf(error);
  const value = valueAt(document, path);
  const there = schemaAt(schema, path);
  const described = there?.description ?? '';
  const params = error.params as Readonly<Record<string, unknown>>;
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(params['additionalProperty']);
      const known = Object.keys(there?.properties ?? {});
      const list = known.length === 0 ? 'It has no fields: write {}.' : `Known fields: ${known.join(', ')}.`;
      return { path: [...path, name], message: `unknown field "${name}"`, remedy: didYouMean(name, known, list) };
    }
    case 'required': {
      const name = String(params['missingProperty']);
      return { path: [...path, name], message: 'is missing', remedy: there?.properties?.[name]?.description ?? `Add ${name}.` };
    }
    case 'enum': {
      const allowed = there?.enum ?? [];
      const message = `${quoted(value)} is not one of ${allowed.join(', ')}`;
      return { path, message, remedy: didYouMean(String(value), allowed, described) };
    }
    case 'type': {
      const wanted = [params['type']].flat().map((name) => TYPE_NAMES[String(name)] ?? String(name));
      const remedy = value === null && there?.type === 'object' ? 'Write {} for an empty mapping, or remove the field.' : described;
      return { path, message: `must be ${wanted.join(' or ')}, but is ${typeOf(value)}`, remedy };
    }
    case 'pattern':
      return { path, message: `${quoted(value)} is not of the form that is expected`, remedy: described };
    case 'format':
      return { path, message: `${quoted(value)} is not a date with time and zone`, remedy: described };
    case 'minLength':
    case 'minItems':
    case 'minProperties':
      return { path, message: 'is empty or too short', remedy: described };
    case 'maxLength':
    case 'maxItems':
    case 'maxProperties':
      return { path, message: `is too long: the limit is ${String(params['limit'])}`, remedy: described };
    default:
      return { path, message: error.message ?? error.keyword, remedy: described };
  }
};

const compile = (schema: StructuralSchema): ValidateFunction => {
  const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: true, strictTypes: false, allowUnionTypes: true });
  ajv.addFormat('date-time', isDateTime);
  // Widths of numbers, which the minimum and maximum of each field say better.
  ajv.addFormat('int32', true);
  ajv.addFormat('int64', true);
  return ajv.compile(jsonSchemaOf(schema));
};

/** A validator for one kind. It fills defaults into the document that it is given, and returns what is wrong with it. */
export const structuralValidator = (schema: StructuralSchema): ((document: unknown) => readonly Fault[]) => {
  let validate: ValidateFunction | undefined;
  return (document) => {
    // Compiled at first use: a proxy that only answers --help need not.
    validate ??= compile(schema);
    return validate(document) ? [] : (validate.errors ?? []).map((error) => faultOf(error, schema, document));
  };
};
