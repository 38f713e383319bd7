/**
 * What `x-kubernetes-list-type` says: a set holds nothing twice, a map holds each key once.
 */
import type { FieldPath } from './field-path.ts';
import type { Fault } from './problem.ts';
import type { StructuralSchema } from './structural-schema.ts';

/** Values that stand a second time in a list, with their index. */
export const repeated = <Item>(
  items: readonly Item[],
  identity: (item: Item) => string,
): readonly { readonly index: number; readonly first: number }[] => {
  const seen = new Map<string, number>();
  return items.flatMap((item, index) => {
    const key = identity(item);
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    return first === undefined ? [] : [{ index, first }];
  });
};

const inList = (schema: StructuralSchema, list: readonly unknown[], path: FieldPath): readonly Fault[] => {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return [];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const identity = (item: unknown): string =>
    JSON.stringify(type === 'set' ? item : keys.map((key) => (item as Readonly<Record<string, unknown>>)[key]));
  return repeated(list, identity).map(({ index, first }) => ({
    path: [...path, index, ...(type === 'map' ? keys.slice(0, 1) : [])],
    message: `is the same as item ${first} of the list`,
    remedy: 'Remove one of them, or merge them into one.',
  }));
};

/** Everything in a structurally valid document that stands twice where it may stand once. */
export const repetitions = (schema: StructuralSchema, value: unknown, path: FieldPath = []): readonly Fault[] => {
  if (Array.isArray(value)) {
    const { items } = schema;
    const inside = items === undefined ? [] : value.flatMap((item, index) => repetitions(items, item, [...path, index]));
    return [...inList(schema, value, path), ...inside];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, property]) => {
    const there = schema.properties?.[name] ?? schema.additionalProperties;
    return there === undefined ? [] : repetitions(there, property, [...path, name]);
  });
};
