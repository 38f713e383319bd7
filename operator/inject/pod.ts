/**
 * A pod as raw JSON, as far as injection reads it. Nothing is assumed of it: what has another form than expected counts as absent, and the API
 * server, which checks the result, refuses it.
 */
export type Json = { readonly [field: string]: unknown };

/** Whether it is a JSON object. */
export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value if it is a JSON object, else an empty one. */
export const objectOf = (value: unknown): Json => (isObject(value) ? value : {});

/** The value if it is a list, else an empty one: absent, null and of a wrong type are the same to us. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The value if it is a text. */
export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** A container with its place in the pod, such as `spec.initContainers[1]`. */
export type PlacedContainer = { readonly field: 'initContainers' | 'containers'; readonly index: number; readonly container: Json };

export const CONTAINER_FIELDS = ['initContainers', 'containers'] as const;

/** Init containers and containers, in order. */
export const containersOf = (spec: Json): readonly PlacedContainer[] =>
  CONTAINER_FIELDS.flatMap((field) => listOf(spec[field]).map((container, index) => ({ field, index, container: objectOf(container) })));

/** How a message names a container. */
export const containerText = ({ field, index, container }: PlacedContainer): string =>
  `container "${textOf(container['name']) ?? `${field}[${index}]`}"`;
