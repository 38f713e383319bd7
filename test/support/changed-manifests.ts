/**
 * The examples, and what chance makes of them.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseAllDocuments } from 'yaml';

const EXAMPLES = join(import.meta.dirname, '../../examples');
/** Every document of every example. */
export const manifests = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.yaml'))
  .flatMap((path) => parseAllDocuments(readFileSync(join(EXAMPLES, path), 'utf8')).map((document): unknown => document.toJS()));

/** Values that schemas tell apart. */
export const scalar = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1,
    1.5,
    2 ** 31,
    1e300,
    '',
    'a',
    'Deny',
    'public.t',
    '30s',
    '10Mi',
    '😀😀',
    '../x',
    'x'.repeat(300),
  ),
  fc.constantFrom<unknown>(
    '2026-02-29T00:00:00Z',
    '2024-02-29T23:59:59.5+01:00',
    '2026-11-21T10:00:00',
    '2026-13-01T00:00:00Z',
    '2026-01-01T24:30:00Z',
  ),
);
const name = fc.constantFrom(
  'name',
  'spec',
  'select',
  'columns',
  'mask',
  'type',
  'limits',
  'a/b',
  'constructor',
  '__proto__',
  'toString',
  'a~b',
);
/** Any value, of names that schemas know and that they do not. */
export const anything = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3 }),
  ),
})).value;

/** Every place in a document. */
const placesOf = (value: unknown, path: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] => {
  const inside = Array.isArray(value) ? [...value.entries()] : typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return [path, ...inside.flatMap(([step, item]) => placesOf(item, [...path, step]))];
};

/** One thing that is done to a document. */
export type Change = {
  readonly at: number;
  readonly what: 'Replace' | 'Remove' | 'Add' | 'Double';
  readonly value: unknown;
  readonly name: string;
};

/** The document after a change. */
export const changed = (document: unknown, { at, what, value, name: added }: Change): unknown => {
  const places = placesOf(document);
  const path = places[at % places.length] ?? [];
  const change = (node: unknown, [step, ...rest]: readonly (string | number)[]): unknown => {
    if (step === undefined) {
      if (what === 'Add') return typeof node === 'object' && !Array.isArray(node) ? { ...node, [added]: value } : [node, value];
      return what === 'Double' ? [node, node] : value;
    }
    if (Array.isArray(node)) {
      return rest.length === 0 && what === 'Remove'
        ? node.toSpliced(Number(step), 1)
        : node.with(Number(step), change(node[Number(step)], rest));
    }
    const { [step]: inner, ...others } = node as Record<string | number, unknown>;
    return rest.length === 0 && what === 'Remove' ? others : { ...others, [step]: change(inner, rest) };
  };
  return change(document, path);
};

/** What is done to one document. */
export const changes = fc.array(
  fc.record({
    at: fc.nat(2_000),
    what: fc.constantFrom('Replace', 'Remove', 'Add', 'Double'),
    value: anything,
    name,
  }) as fc.Arbitrary<Change>,
  { minLength: 1, maxLength: 4 },
);
