import { Ajv, type AnySchemaObject } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anything, changed, changes, manifests, scalar } from '../../test/support/changed-manifests.ts';
import { SCHEMAS } from './resources.ts';
import { uncheckedKeywords, type Violation, violationsOf } from './structural-check.ts';
import type { StructuralSchema } from './structural-schema.ts';

const RUNS = 3_000;

const mapValues = <Value, Result>(record: Readonly<Record<string, Value>>, change: (value: Value) => Result): Record<string, Result> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));

/** The structural schema as JSON Schema: closed where it lists properties, and without Kubernetes' own keywords. */
const jsonSchemaOf = (schema: StructuralSchema): AnySchemaObject => {
  const { properties, additionalProperties, items, anyOf: _, description: __, ...rest } = schema;
  const plain = Object.fromEntries(Object.entries(rest).filter(([keyword]) => !keyword.startsWith('x-kubernetes-')));
  return {
    ...plain,
    ...(schema['x-kubernetes-int-or-string'] === true ? { type: ['integer', 'string'] } : {}),
    ...(properties === undefined ? {} : { properties: mapValues(properties, jsonSchemaOf) }),
    ...(items === undefined ? {} : { items: jsonSchemaOf(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: jsonSchemaOf(additionalProperties) }),
    ...(schema.type === 'object' && additionalProperties === undefined ? { additionalProperties: false } : {}),
  };
};

const DATES = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** Times that exist, said in another way than in the code under test. */
const exists = (text: string): boolean => {
  const [year, month, day] = text.slice(0, 10).split('-').map(Number) as [number, number, number];
  const days = [31, year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return month >= 1 && month <= 12 && day >= 1 && day <= (days[month - 1] ?? 0) && !Number.isNaN(Date.parse(text));
};

const ajvOf = (strict: boolean): Ajv => {
  const ajv = new Ajv({ allErrors: true, useDefaults: true, strict, strictTypes: false, allowUnionTypes: true });
  ajv.addFormat('date-time', (text: string) => DATES.test(text) && exists(text));
  ajv.addFormat('int32', true);
  ajv.addFormat('int64', true);
  return ajv;
};

/** Our schemas are fit for Ajv's strict mode; one at random may have what Ajv ignores, such as a default of a list's item. */
const STRICT = ajvOf(true);
const LENIENT = ajvOf(false);

const ajvFor = (schema: StructuralSchema, ajv: Ajv): ((value: unknown) => readonly string[]) => {
  const validate = ajv.compile(jsonSchemaOf(schema));
  return (value) => {
    void validate(value);
    return (validate.errors ?? []).map(({ keyword, instancePath, params }) => {
      const field: unknown = params['additionalProperty'] ?? params['missingProperty'] ?? '';
      return `${keyword} at ${instancePath}: ${String(field)}`;
    });
  };
};

const said = ({ keyword, path, field = '' }: Violation): string =>
  `${keyword} at ${path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}: ${field}`;

const agree = (schema: StructuralSchema, validate: (value: unknown) => readonly string[], value: unknown): void => {
  const ours: unknown = structuredClone(value);
  const theirs: unknown = structuredClone(value);
  expect(violationsOf(schema, ours).map(said).toSorted()).toEqual(validate(theirs).toSorted());
  expect(ours).toEqual(theirs);
};

/** Small schemas that have every keyword. */
const schemas = fc.letrec<{ schema: StructuralSchema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    { weight: 1, arbitrary: fc.constant({}) },
    {
      weight: 9,
      arbitrary: fc.record(
        {
          type: fc.constantFrom('object', 'array', 'string', 'integer', 'number', 'boolean'),
          format: fc.constantFrom('date-time', 'int32'),
          default: scalar.filter((value) => value !== null),
          enum: fc.constantFrom<readonly string[]>(['a', 'Deny']),
          pattern: fc.constantFrom('^[a-z.]*$', '^.{1,2}$', '^$'),
          minimum: fc.constantFrom(0, 1),
          maximum: fc.constantFrom(0, 1.5),
          minLength: fc.constantFrom(0, 1, 2),
          maxLength: fc.constantFrom(1, 2, 5),
          minItems: fc.constantFrom(1, 2),
          maxItems: fc.constantFrom(0, 1),
          minProperties: fc.constantFrom(1, 2),
          maxProperties: fc.constantFrom(0, 1),
          properties: fc.dictionary(fc.constantFrom('name', 'spec', 'type', 'a/b'), tie('schema'), { maxKeys: 3 }),
          items: tie('schema'),
          additionalProperties: tie('schema'),
          'x-kubernetes-int-or-string': fc.constant(true),
        },
        { requiredKeys: [] },
      ),
    },
  ) as fc.Arbitrary<StructuralSchema>,
})).schema;

/** As the API server wants schemas: keywords only beside the type that they are about. */
const structural = ({ type, ...schema }: StructuralSchema): StructuralSchema => {
  const of = (...keywords: readonly (keyof typeof schema)[]): Partial<StructuralSchema> =>
    Object.fromEntries(keywords.flatMap((keyword) => (keyword in schema ? [[keyword, schema[keyword]]] : [])));
  if (schema['x-kubernetes-int-or-string'] === true) return { ...of('x-kubernetes-int-or-string', 'default', 'minimum', 'pattern') };
  switch (type) {
    case 'object': {
      const { properties, additionalProperties } = schema;
      const common = { type, ...of('minProperties', 'maxProperties', 'default') };
      if (additionalProperties !== undefined) return { ...common, additionalProperties: structural(additionalProperties) };
      if (properties === undefined) return common;
      return { ...common, properties: mapValues(properties, structural), required: Object.keys(properties).slice(0, 1) };
    }
    case 'array':
      return { type, ...of('minItems', 'maxItems'), ...(schema.items === undefined ? {} : { items: structural(schema.items) }) };
    case 'string':
      return {
        type,
        ...of('default', 'enum', 'pattern', 'minLength', 'maxLength'),
        ...(schema.format === 'date-time' ? of('format') : {}),
      };
    case 'integer':
    case 'number':
      return { type, ...of('default', 'minimum', 'maximum'), ...(schema.format === 'int32' ? of('format') : {}) };
    default:
      return type === undefined ? {} : { type };
  }
};

describe('violationsOf()', () => {
  it.each(Object.entries(SCHEMAS))(
    'finds in %s what Ajv finds, and fills in the same defaults, whatever is done to the examples',
    (kind, schema) => {
      const validate = ajvFor(schema, STRICT);
      const documents = manifests.filter((document) => (document as { readonly kind?: unknown }).kind === kind);
      const base = documents.length > 0 ? documents : manifests;
      for (const document of base) agree(schema, validate, document);
      fc.assert(
        fc.property(fc.nat(base.length - 1), changes, (index, list) => agree(schema, validate, list.reduce(changed, base[index]))),
        { numRuns: RUNS },
      );
    },
  );

  it('agrees with Ajv on any schema of its keywords', () => {
    fc.assert(
      fc.property(schemas, fc.array(anything, { minLength: 1, maxLength: 5 }), (drawn, values) => {
        const schema = structural(drawn);
        const validate = ajvFor(schema, LENIENT);
        for (const value of values) agree(schema, validate, value);
      }),
      { numRuns: RUNS / 3 },
    );
  });
});

describe('uncheckedKeywords()', () => {
  it('finds none in the schemas in use', () => {
    expect(Object.values(SCHEMAS).flatMap(uncheckedKeywords)).toEqual([]);
  });

  it('names a keyword and a format that nothing checks, at any depth', () => {
    const schema = { type: 'object', properties: { a: { items: { multipleOf: 2 } }, b: { additionalProperties: { format: 'uri' } } } };
    expect(uncheckedKeywords(schema as StructuralSchema)).toEqual(['multipleOf', 'format: uri']);
  });
});
