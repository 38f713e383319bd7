/**
 * What stands for the relations that a statement writes: their masks and row filters, over the names that they have there.
 */
import { Failure, grantUnusable, scopeUnchecked } from '../../kernel/failure.ts';
import type { Decision, Reason, ResolvedTarget } from '../policy/decision.ts';
import { tellingOf, type WriteTelling } from '../policy/telling.ts';
import { namesOfTarget } from '../scope/rewrite-write.ts';
import { type Scope, scopeOf } from '../scope/scope.ts';
import { type TargetScope, targetScope } from '../scope/target.ts';
import { openConditions, type WrittenStatement } from '../scope/target-conditions.ts';
import type { Analysis, RelationReference } from '../sql/analysis.ts';
import { soleExpression } from '../sql/check-condition.ts';
import type { Grammar } from '../sql/grammar.ts';
import type { Tree } from '../sql/tree.ts';
import type { JudgeContext } from './judge-context.ts';

export type TargetScopes = {
  readonly targets: ReadonlyMap<RelationReference, TargetScope>;
  readonly reasons: readonly Reason[];
};

/** The same filter and masks as where it is read, so that the server can be asked whether they can be evaluated. */
const readingOf = ({ relation, granted: { grant } }: ResolvedTarget, context: JudgeContext): Scope =>
  scopeOf(relation, { ...grant, select: grant.select ?? { columns: [], masks: [] } }, context.grammar);

const problemOf = async (target: ResolvedTarget, context: JudgeContext): Promise<string | undefined> => {
  const { relation } = target;
  const scope = readingOf(target, context);
  if (scope.type === 'Unusable') return scope.problem;
  try {
    return await context.probe(scope);
  } catch (error) {
    context.onFault(error);
    throw scopeUnchecked(`${relation.schema}.${relation.name}`);
  }
};

/** One scope for each target, and the reasons why a grant cannot be applied. */
export const targetScopesOf = async (decision: Decision, context: JudgeContext, statement: WrittenStatement): Promise<TargetScopes> => {
  const targets = new Map<RelationReference, TargetScope>();
  const reasons: Reason[] = [];
  for (const target of decision.targets) {
    const { relation, granted, write } = target;
    while (!context.grammar.ready) await context.grammar.load();
    const result = targetScope(relation, granted.grant, namesOfTarget(write), context.grammar);
    while (!context.grammar.ready) await context.grammar.load();
    const problem = result.ok ? await problemOf(target, context) : result.problem;
    if (result.ok) targets.set(write.reference, { ...result.scope, open: openConditions(write, result.scope, statement) });
    if (problem === undefined) continue;
    const name = `${relation.schema}.${relation.name}`;
    const failure = grantUnusable(name, `The grant cannot be applied: ${problem}.`);
    reasons.push({ failure, location: write.reference.location, auditable: false });
  }
  return { targets, reasons };
};

/** Undefined where it cannot be parsed, and where what came before it has cost the grammar. */
const conditionOf = (expression: string, grammar: Grammar): Tree | undefined => {
  if (!grammar.ready) return undefined;
  try {
    const [statement] = grammar.parse(`SELECT (${expression}\n)`);
    return statement && soleExpression(statement.node);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
};

/** What the statement tells by the constraints of what it writes. `context.grammar` is loaded. */
export const tellingIn = (
  { form }: Analysis,
  { targets }: Decision,
  { context, scopes }: { readonly context: JudgeContext; readonly scopes: TargetScopes['targets'] },
): WriteTelling => {
  // Without ANALYZE nothing is done.
  if (form.type === 'Explain' && !form.analyzed) return { telling: undefined, reasons: [] };
  const { catalog, grants, grammar } = context;
  return tellingOf(targets, {
    catalog,
    relations: grants.relations,
    parse: (expression) => conditionOf(expression, grammar),
    filterOf: ({ write }) => scopes.get(write.reference)?.filter,
    untagged: form.type === 'Explain',
  });
};
