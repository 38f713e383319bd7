/**
 * The grants that texts are judged by: narrowed once for a policy and a catalog.
 */
import { Failure } from '../../kernel/failure.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Grants } from '../policy/grants.ts';
import { narrowing, viewsInReach } from '../policy/lineage/narrow.ts';
import type { Grammar } from '../sql/grammar.ts';
import type { Tree } from '../sql/tree.ts';
import type { JudgeContext } from './judge-context.ts';

const known = new WeakMap<Grants, { readonly catalog: Catalog; readonly narrowed: Promise<Grants> }>();

/** Milliseconds at a stretch: other sessions have their turn in between. */
const STRETCH_MS = 10;

/** Called between the steps of a long work. */
const turns = (): (() => Promise<void>) => {
  let began = performance.now();
  return async () => {
    if (performance.now() - began < STRETCH_MS) return;
    await new Promise((resolve) => void setImmediate(resolve));
    began = performance.now();
  };
};

const narrow = async (grants: Grants, catalog: Catalog, grammar: Grammar): Promise<Grants> => {
  const pause = turns();
  const definitions = new Map<number, Tree | undefined>();
  for (const { oid, definition } of viewsInReach(grants, catalog)) {
    await pause();
    while (!grammar.ready) await grammar.load();
    definitions.set(oid, parsed(definition ?? '', grammar));
  }
  const steps = narrowing({ grants, catalog, grammar, definitions });
  for (;;) {
    await pause();
    while (!grammar.ready) await grammar.load();
    const step = steps.next();
    if (step.done === true) return step.value;
  }
};

const parsed = (definition: string, grammar: Grammar): Tree | undefined => {
  try {
    const statements = grammar.parse(definition);
    return statements.length === 1 ? statements[0]?.node : undefined;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
};

/** The context with grants that were narrowed. */
export const narrowedContext = async (context: JudgeContext): Promise<JudgeContext> => ({
  ...context,
  grants: await narrowedGrants(context.grants, context.catalog, context.grammar),
});

/** The same grants, where they are narrowed already. */
export const narrowedGrants = async (grants: Grants, catalog: Catalog, grammar: Grammar): Promise<Grants> => {
  if (grants.narrowed === true) return grants;
  const before = known.get(grants);
  if (before?.catalog === catalog) return await before.narrowed;
  const narrowed = narrow(grants, catalog, grammar);
  known.set(grants, { catalog, narrowed });
  narrowed.catch(() => known.delete(grants));
  return await narrowed;
};
