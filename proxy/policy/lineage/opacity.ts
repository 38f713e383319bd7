/**
 * What a view's definition calls and may read by itself, so that its arguments do not tell what it returns: functions that nobody has
 * reviewed or granted, by their own names, and as operators and casts.
 */
import { readyExtension } from '../../catalog/builtin/extensions.ts';
import { functionClass } from '../../catalog/builtin/functions.ts';
import { type Catalog, type CatalogRelation, relationKey } from '../../catalog/catalog.ts';
import type { Grants } from '../grants.ts';
import type { Opaque } from './lineage.ts';

type Called = { readonly schema: string; readonly name: string };

export type ViewOpacity = {
  readonly opaque: Opaque;
  /** Once all is traced: what the definition calls in no place that was met, as a comparison of CASE or DISTINCT, or an implicit cast. */
  readonly unmet: () => string | undefined;
};

const isReady = (extension: string | undefined, name: string): boolean => {
  const ready = extension === undefined ? undefined : readyExtension(extension);
  return ready !== undefined && !ready.refused.includes(name);
};

const reasonFor = ({ schema, name }: Called): string => `function ${schema}.${name}`;

/** Why what the function returns is not known by its arguments. */
const reasonOf = (called: Called, { catalog, grants }: { readonly catalog: Catalog; readonly grants: Grants }): string | undefined => {
  const { schema, name } = called;
  if (grants.functions.has(relationKey(schema, name))) return undefined;
  if (schema === 'pg_catalog' || schema === 'information_schema') {
    const known = functionClass(schema, name);
    return known === 'harmless' || known === 'judged' ? undefined : reasonFor(called);
  }
  const candidates = (catalog.functions.get(name) ?? []).filter((each) => each.schema === schema);
  return candidates.length > 0 && candidates.every(({ extension }) => isReady(extension, name)) ? undefined : reasonFor(called);
};

/** For the tracing of one view. */
export const viewOpacity = (
  { calls = [] }: CatalogRelation,
  context: { readonly catalog: Catalog; readonly grants: Grants },
): ViewOpacity => {
  const { catalog } = context;
  const suspects = new Map<string, Called>();
  for (const each of calls) if (reasonOf(each, context) !== undefined) suspects.set(relationKey(each.schema, each.name), each);
  const met = new Set<string>();
  const among = (functions: readonly Called[]): string | undefined => {
    const found = functions.filter(({ schema, name }) => suspects.has(relationKey(schema, name)));
    for (const { schema, name } of found) met.add(relationKey(schema, name));
    return found[0] && reasonFor(found[0]);
  };
  const opaque: Opaque = (by, schema = 'pg_catalog', name) => {
    switch (by) {
      case 'Function':
        met.add(relationKey(schema, name));
        return reasonOf({ schema, name }, context);
      case 'Operator': {
        const operators = (catalog.operators.get(name) ?? []).filter((each) => each.schema === schema);
        return among(operators.map((each) => each.function));
      }
      case 'Cast':
        return among((catalog.conversions.get(`${schema}.${name}`) ?? []).map((each) => each.function));
    }
  };
  // An extension's own comparisons of its own types go without saying.
  const isOfExtension = ({ schema, name }: Called): boolean =>
    (catalog.functions.get(name) ?? []).some((each) => each.schema === schema && each.extension !== undefined);
  const unmet = (): string | undefined => {
    const found = [...suspects].find(([key, called]) => !met.has(key) && !isOfExtension(called));
    return found && reasonFor(found[1]);
  };
  return { opaque, unmet };
};
