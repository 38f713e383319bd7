/**
 * Evaluates the CEL rules of a CRD (`x-kubernetes-validations`) as the API server does on creation: at every level of the schema, with
 * `self` and without `oldSelf`. https://kubernetes.io/docs/reference/using-api/cel/
 */
import { Environment } from '@marcbachmann/cel-js';
import type { FieldPath } from './field-path.ts';
import type { Fault } from './problem.ts';
import type { CelRule, StructuralSchema } from './structural-schema.ts';

type Compiled = (context: { readonly self: unknown }) => unknown;

const environment = new Environment({ homogeneousAggregateLiterals: false }).registerVariable('self', 'dyn');

const compiled = new Map<string, Compiled>();

const compile = (rule: string): Compiled => {
  const known = compiled.get(rule);
  if (known !== undefined) return known;
  const program = environment.parse(rule) as Compiled;
  compiled.set(rule, program);
  return program;
};

/** Property names that are words of CEL are escaped by Kubernetes. */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);

const celName = (name: string): string =>
  RESERVED.has(name) ? `__${name}__` : name.replaceAll('.', '__dot__').replaceAll('-', '__dash__').replaceAll('/', '__slash__');

/** The value as the type that its schema gives it in CEL: whole numbers as int, date-time as timestamp. */
const celValue = (schema: StructuralSchema | undefined, value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item) => celValue(schema?.items, item));
  if (typeof value === 'number' && schema?.type !== 'number' && Number.isInteger(value)) return BigInt(value);
  if (typeof value === 'string' && schema?.format === 'date-time') return new Date(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, property]) => {
      const known = schema?.properties?.[name];
      return [known === undefined ? name : celName(name), celValue(known ?? schema?.additionalProperties, property)];
    }),
  );
};

/** Rules name the remedy behind the last colon of their message. */
const saidBy = (rule: CelRule): { readonly message: string; readonly remedy: string } => {
  const colon = rule.message.lastIndexOf(': ');
  if (colon === -1) return { message: rule.message, remedy: '' };
  const advice = rule.message.slice(colon + 2);
  return { message: rule.message.slice(0, colon), remedy: `${advice.charAt(0).toUpperCase()}${advice.slice(1)}.` };
};

const brokenBy = (rule: CelRule, self: unknown, path: FieldPath): readonly Fault[] => {
  let verdict: unknown;
  try {
    verdict = compile(rule.rule)({ self });
  } catch {
    verdict = undefined;
  }
  if (verdict === true) return [];
  if (verdict === false) return [{ path, ...saidBy(rule) }];
  // INVARIANT: a rule without an answer counts as broken, never as met.
  return [{ path, message: `rule "${rule.rule}" could not be evaluated`, remedy: 'This is a fault of pg-airlock: please report it.' }];
};

/** The rules that a structurally valid document breaks. */
export const brokenRules = (schema: StructuralSchema, value: unknown, path: FieldPath = []): readonly Fault[] => {
  const rules = schema['x-kubernetes-validations'] ?? [];
  const here = rules.length === 0 ? [] : rules.flatMap((rule) => brokenBy(rule, celValue(schema, value), path));
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? here : [...here, ...value.flatMap((item, index) => brokenRules(items, item, [...path, index]))];
  }
  if (typeof value !== 'object' || value === null) return here;
  const inside = Object.entries(value).flatMap(([name, property]) => {
    const there = schema.properties?.[name] ?? schema.additionalProperties;
    return there === undefined ? [] : brokenRules(there, property, [...path, name]);
  });
  return [...here, ...inside];
};
