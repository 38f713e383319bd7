/**
 * The rules' say on a statement that the decision has looked at, or that its form refuses.
 */
import type { Failure } from '../../../kernel/failure.ts';
import type { Analysis } from '../../sql/analysis.ts';
import type { Tree } from '../../sql/tree.ts';
import type { Decision, DecisionContext } from '../decision.ts';
import type { Grants } from '../grants.ts';
import { judgeDefinition } from './definitions.ts';
import { kindFacts, statementFacts } from './facts.ts';
import { applyRules, type RuleVerdict } from './rules.ts';

const SILENT: RuleVerdict = { reasons: [], rules: [], watches: [], estimates: [], decisive: undefined };

/** What the rules say of a statement that the decision looked at; `tree`: as it was parsed. */
export const judgeRules = (tree: Tree, analysis: Analysis, decision: Decision, context: DecisionContext): RuleVerdict => {
  const { definition } = decision;
  if (definition !== undefined) {
    return judgeDefinition(definition, statementFacts(tree, analysis, decision, context), context.grants);
  }
  return context.grants.rules.length === 0 ? SILENT : applyRules(context.grants, statementFacts(tree, analysis, decision, context), true);
};

/** The refusal by a rule about kinds of statements, for one that is refused by its form anyway. */
export const refusedByKind = (tree: Tree, grants: Grants): Failure | undefined =>
  grants.rules.length === 0 ? undefined : applyRules(grants, kindFacts(tree), false).reasons[0]?.failure;
