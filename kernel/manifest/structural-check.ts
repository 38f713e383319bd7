/**
 * Checks a value against a structural schema, keyword by keyword, and fills in the defaults: JSON Schema as the API server applies it,
 * but closed, so that unknown fields are errors. Schemas are closed too: the keywords below are all that one may have.
 */
import type { FieldPath } from './field-path.ts';
import type { StructuralSchema } from './structural-schema.ts';

/** One keyword that a value does not meet. */
export type Violation = {
  readonly keyword: keyof StructuralSchema;
  readonly path: FieldPath;
  /** The field that is missing or unknown, where the keyword is about one. */
  readonly field?: string;
};

type Kind = NonNullable<StructuralSchema['type']>;

type Check = {
  readonly schema: StructuralSchema;
  readonly path: FieldPath;
  readonly report: (violation: Violation) => void;
};

/** RFC 3339, as Kubernetes' `date-time`, and a time that exists. */
const isDateTime = (text: string): boolean => {
  const match = /^(\d{4}-\d\d-(\d\d))T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const day = match === null ? undefined : new Date(`${match[1]}T00:00:00Z`).getUTCDate();
  return day !== undefined && day === Number(match?.[2]) && !Number.isNaN(Date.parse(text));
};

/** Whether a text is of a format. Widths of numbers are left to `minimum` and `maximum`, which say it better. */
const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  'date-time': isDateTime,
  int32: () => true,
  int64: () => true,
};

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const IS_KIND: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  object: isRecord,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  integer: Number.isInteger,
  number: Number.isFinite,
  boolean: (value) => typeof value === 'boolean',
};

/** The types that a schema allows; undefined: any. */
export const kindsOf = (schema: StructuralSchema): readonly Kind[] | undefined =>
  schema['x-kubernetes-int-or-string'] === true ? ['integer', 'string'] : schema.type === undefined ? undefined : [schema.type];

const patterns = new Map<string, RegExp>();

const patternOf = (source: string): RegExp => {
  const known = patterns.get(source) ?? new RegExp(source, 'u');
  patterns.set(source, known);
  return known;
};

/** Code points, as JSON Schema counts. */
const lengthOf = (text: string): number => {
  let length = 0;
  for (const _ of text) length++;
  return length;
};

type Bound = 'minimum' | 'maximum' | `${'min' | 'max'}${'Length' | 'Items' | 'Properties'}`;

const checkBounds = (amount: number, least: Bound, most: Bound, { schema, path, report }: Check): void => {
  const { [least]: low = amount, [most]: high = amount } = schema;
  if (amount > high) report({ keyword: most, path });
  if (amount < low) report({ keyword: least, path });
};

const checkText = (text: string, at: Check): void => {
  const { schema, path, report } = at;
  const { pattern, format } = schema;
  checkBounds(lengthOf(text), 'minLength', 'maxLength', at);
  if (pattern !== undefined && !patternOf(pattern).test(text)) report({ keyword: 'pattern', path });
  if (format === undefined) return;
  const isOf = FORMATS[format];
  if (isOf === undefined) throw new Error(`format "${format}" is not known`);
  if (!isOf(text)) report({ keyword: 'format', path });
};

const checkList = (list: readonly unknown[], at: Check): void => {
  checkBounds(list.length, 'minItems', 'maxItems', at);
  const { path, report } = at;
  const { items } = at.schema;
  if (items === undefined) return;
  for (const [index, item] of list.entries()) check(item, { schema: items, path: [...path, index], report });
};

const checkRecord = (record: Record<string, unknown>, at: Check): void => {
  const { schema, path, report } = at;
  const { properties = {}, additionalProperties, required = [] } = schema;
  for (const [name, property] of Object.entries(properties)) {
    if (record[name] === undefined && property.default !== undefined) record[name] = structuredClone(property.default);
  }
  const names = Object.keys(record);
  checkBounds(names.length, 'minProperties', 'maxProperties', at);
  for (const field of required) {
    if (!Object.hasOwn(record, field) || record[field] === undefined) report({ keyword: 'required', path, field });
  }
  for (const field of names) {
    if (Object.hasOwn(properties, field)) continue;
    if (additionalProperties !== undefined) check(record[field], { schema: additionalProperties, path: [...path, field], report });
    // A schema without a type says nothing of what is inside.
    else if (schema.type === 'object') report({ keyword: 'additionalProperties', path, field });
  }
  for (const [name, property] of Object.entries(properties)) {
    if (Object.hasOwn(record, name)) check(record[name], { schema: property, path: [...path, name], report });
  }
};

const check = (value: unknown, at: Check): void => {
  const { schema, path, report } = at;
  const kinds = kindsOf(schema);
  if (kinds !== undefined && !kinds.some((kind) => IS_KIND[kind](value))) report({ keyword: 'type', path });
  if (typeof value === 'number') checkBounds(value, 'minimum', 'maximum', at);
  if (typeof value === 'string') checkText(value, at);
  if (schema.enum !== undefined && !schema.enum.some((allowed) => allowed === value)) report({ keyword: 'enum', path });
  if (Array.isArray(value)) checkList(value, at);
  else if (isRecord(value)) checkRecord(value, at);
};

/** INVARIANT: a keyword that no code here checks must not be in a schema: it would be taken for met. */
const KEYWORDS: Readonly<Record<keyof StructuralSchema, 'here' | 'elsewhere' | 'says nothing'>> = {
  type: 'here',
  format: 'here',
  enum: 'here',
  pattern: 'here',
  minimum: 'here',
  maximum: 'here',
  minLength: 'here',
  maxLength: 'here',
  minItems: 'here',
  maxItems: 'here',
  minProperties: 'here',
  maxProperties: 'here',
  required: 'here',
  properties: 'here',
  additionalProperties: 'here',
  items: 'here',
  default: 'here',
  'x-kubernetes-int-or-string': 'here',
  'x-kubernetes-list-type': 'elsewhere',
  'x-kubernetes-list-map-keys': 'elsewhere',
  'x-kubernetes-validations': 'elsewhere',
  description: 'says nothing',
  // It stands beside int-or-string, and says the same.
  anyOf: 'says nothing',
  // About merging.
  'x-kubernetes-map-type': 'says nothing',
};

/** Keywords of a schema, at any depth, that are not checked. */
export const uncheckedKeywords = (schema: StructuralSchema): readonly string[] => {
  const inside = [...Object.values(schema.properties ?? {}), schema.items, schema.additionalProperties].filter(
    (each) => each !== undefined,
  );
  const formats = schema.format === undefined || Object.hasOwn(FORMATS, schema.format) ? [] : [`format: ${schema.format}`];
  return [...Object.keys(schema).filter((keyword) => !Object.hasOwn(KEYWORDS, keyword)), ...formats, ...inside.flatMap(uncheckedKeywords)];
};

/** What of a schema a value does not meet. Fills defaults into the value. */
export const violationsOf = (schema: StructuralSchema, value: unknown): readonly Violation[] => {
  const violations: Violation[] = [];
  check(value, { schema, path: [], report: (violation) => violations.push(violation) });
  return violations;
};
