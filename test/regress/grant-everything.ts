/**
 * A policy that grants everything that was ever in the regression database, in portions that the schema of policies allows.
 */
import { LISTABLE } from '../../proxy/catalog/builtin/setting-names.ts';
import { connectionTo, policyFor, trusted, writeObjects } from '../support/manifest-objects.ts';
import { DATABASE, type Names } from './side.ts';

export const AGENT = 'regress';

const portions = <Value>(values: Iterable<Value>, size: number): readonly (readonly Value[])[] => {
  const all = [...values];
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) => all.slice(index * size, (index + 1) * size));
};

const whole = (name: string): unknown => ({
  name,
  select: { columns: ['*'] },
  insert: { columns: ['*'] },
  update: { columns: ['*'] },
  delete: {},
  // Rules, triggers and foreign tables of the suite may do what they do.
  beneath: 'Ignore',
});

/** Writes manifests for the server, or what stands in front of it, on this port. */
export const grantEverything = async (folder: string, port: number, { relations, functions }: Names): Promise<void> => {
  const specs: readonly object[] = [
    ...portions(relations, 500).map((some) => ({ relations: some.map(whole) })),
    ...portions(functions, 500).map((some) => ({ functions: some.map((name) => ({ name })) })),
    ...portions(LISTABLE, 60).map((settings) => ({ settings })),
    { rules: [{ name: 'settle', match: { statements: ['Comment'], schemas: ['airlock_beside'] }, action: 'Allow' }] },
  ];
  await writeObjects(folder, [
    ...connectionTo(DATABASE, { port, database: DATABASE, login: trusted('postgres') }),
    ...specs.map((spec, index) => policyFor(DATABASE, `everything-${index}`, { subjects: [{ agent: { name: AGENT } }], ...spec })),
  ]);
};
