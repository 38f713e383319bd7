import { describe, expect, it } from 'vitest';
import { documentOf, PLANTED } from '../../test/support/planted-faults.ts';
import { crdSchemas } from '../generated/crd-schemas.ts';
import { problemText } from './problem.ts';
import { resourcesOf } from './resources.ts';
import type { StructuralSchema } from './structural-schema.ts';
import { yamlDocuments } from './yaml-documents.ts';

/** Every rule of a schema as `path: rule`, with `[]` for the items of a list. */
const rulesIn = (schema: StructuralSchema, path: string): readonly string[] => [
  ...(schema['x-kubernetes-validations'] ?? []).map(({ rule }) => `${path}: ${rule}`),
  ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) => rulesIn(property, path === '' ? name : `${path}.${name}`)),
  ...(schema.items === undefined ? [] : rulesIn(schema.items, `${path}[]`)),
  ...(schema.additionalProperties === undefined ? [] : rulesIn(schema.additionalProperties, `${path}.*`)),
];

const faultsOf = (text: string): readonly string[] => {
  const { documents, problems } = yamlDocuments({ path: 'a', text });
  return [...problems, ...resourcesOf(documents).problems].map(problemText).map((said) => said.replace(/^a:\d+: document 1, /, ''));
};

describe.each(['DatabaseConnection', 'DatabaseAccessPolicy'] as const)('the CEL rules of %s', (kind) => {
  it('accept a document that says no more than it must', () => {
    expect(faultsOf(documentOf(kind, ''))).toEqual([]);
  });

  it.each(PLANTED[kind])('at %s refuse %s', (_, spec, said) => {
    expect(faultsOf(documentOf(kind, spec))).toEqual([said]);
  });

  it('are each broken by a planted document', () => {
    const places = rulesIn(crdSchemas[kind], '').map((text) => text.slice(0, text.indexOf(': ')));
    expect(PLANTED[kind].map(([place]) => place).toSorted()).toEqual(places.toSorted());
  });
});
