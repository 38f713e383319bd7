/**
 * What a judgement leaves out, for a person who asks: how each relation was resolved and every reason in full. Off the hot path.
 */
import { Failure, grantUnusable } from '../../kernel/failure.ts';
import type { CatalogChange } from '../catalog/catalog-change.ts';
import { decide } from '../policy/decide.ts';
import type { Decision, Reason, ResolvedRelation, ResolvedTarget } from '../policy/decision.ts';
import { definitionChanges } from '../policy/definition-changes.ts';
import { judgeRules } from '../policy/rules/judge-rules.ts';
import type { RuleVerdict } from '../policy/rules/rules.ts';
import { NO_TERMS, type PreparedByText, type SessionState } from '../policy/judgement.ts';
import { countWatches } from '../policy/uncounted.ts';
import type { Scope } from '../scope/scope.ts';
import type { Analysis } from '../sql/analysis.ts';
import { analyze, characterAt } from '../sql/analyze.ts';
import type { ParsedStatement } from '../sql/grammar.ts';
import { decodeText } from '../sql/tokens.ts';
import type { JudgeContext } from './judge-context.ts';
import { contextAfter } from './overlay.ts';
import { narrowedContext } from './narrowed.ts';
import { explainedWatches } from './running-terms.ts';
import { targetScopesOf } from './targets.ts';

/** A relation that a statement names, and what stands for it. */
export type ExplainedRelation = {
  readonly resolved: ResolvedRelation;
  readonly scope: Scope;
  /** 1-based, in characters of the text. */
  readonly position: number;
};

/** A relation that a statement writes, where that is granted. */
export type ExplainedTarget = { readonly target: ResolvedTarget; readonly position: number };

/** `position` is 1-based, in characters of the text; undefined where the reason has no place. */
export type ExplainedReason = { readonly failure: Failure; readonly location: number; readonly position: number | undefined };

export type ExplainedStatement = {
  readonly analysis: Analysis;
  readonly parsed: ParsedStatement;
  readonly relations: readonly ExplainedRelation[];
  readonly targets: readonly ExplainedTarget[];
  /** What it makes, changes or drops. */
  readonly definition: Decision['definition'];
  readonly reasons: readonly ExplainedReason[];
  /** What the rules say, also of what is only known while it runs. */
  readonly rules: RuleVerdict;
};

/** Statements in order as far as they could be read; `failure` where one could not. */
export type TextExplanation = { readonly statements: readonly ExplainedStatement[]; readonly failure: Failure | undefined };

/** Explains a text as `judgeText` judges it, but goes on after a refusal. Rejects only for a fault of ours. */
export const explainText = async (bytes: Buffer, state: SessionState, given: JudgeContext): Promise<TextExplanation> => {
  const context = await narrowedContext(given);
  const statements: ExplainedStatement[] = [];
  try {
    const text = decodeText(bytes);
    while (!context.grammar.ready) await context.grammar.load();
    const made = new Map<string, PreparedByText>();
    let searchPath = state.searchPath;
    let changes: readonly CatalogChange[] = [];
    let here = context;
    for (const parsed of context.grammar.parse(text)) {
      const analysis = analyze(parsed, bytes);
      const seen: SessionState = { searchPath, prepared: (name) => made.get(name) ?? state.prepared(name), cursor: state.cursor };
      const decisionContext = { catalog: here.catalog, grants: here.grants, state: seen, revision: here.revision };
      const decision = decide(analysis, decisionContext);
      const ruled = judgeRules(parsed.node, analysis, decision, decisionContext);
      const explained = await relationsOf(decision.relations, bytes, here);
      const written = await targetsOf(decision, { parsed, bytes }, here);
      const { watches, refusals } = countWatches(ruled.watches, analysis, explainedWatches(analysis, seen));
      const counted = refusals.map((failure) => ({ failure, location: 0 }));
      const reasons = [...ruled.reasons, ...counted, ...decision.reasons, ...explained.reasons, ...written.reasons].map(
        ({ failure, location }) => ({
          failure,
          location,
          position: location > 0 ? characterAt(bytes, location) : failure.fields.position,
        }),
      );
      const rules = { ...ruled, watches: watches.filter(({ over }) => Number.isFinite(over)) };
      const { definition } = decision;
      statements.push({ analysis, parsed, relations: explained.relations, targets: written.targets, definition, reasons, rules });
      if (definition !== undefined) {
        changes = [...changes, ...definitionChanges(definition, decision.relations)];
        here = contextAfter(context, changes);
      }
      if (decision.effect.type === 'Prepare') made.set(decision.effect.name, preparedOf(explained.relations, context));
      if (decision.pathChange !== undefined) searchPath = decision.pathChange.path ?? context.catalog.defaultSearchPath;
      if (decision.effect.type === 'ResetAll' || decision.effect.type === 'DiscardAll') searchPath = context.catalog.defaultSearchPath;
    }
    return { statements, failure: undefined };
  } catch (error) {
    if (error instanceof Failure) return { statements, failure: error };
    throw error;
  }
};

const relationsOf = async (
  resolved: readonly ResolvedRelation[],
  bytes: Buffer,
  context: JudgeContext,
): Promise<{ readonly relations: readonly ExplainedRelation[]; readonly reasons: readonly Reason[] }> => {
  const relations: ExplainedRelation[] = [];
  const reasons: Reason[] = [];
  for (const each of resolved) {
    const { location } = each.reference;
    while (!context.grammar.ready) await context.grammar.load();
    const scope = context.scopeOf(each);
    relations.push({ resolved: each, scope, position: characterAt(bytes, location) });
    const problem = scope.type === 'Unusable' ? scope.problem : each.access.type === 'Granted' ? await context.probe(scope) : undefined;
    if (problem === undefined) continue;
    const name = `${each.relation.schema}.${each.relation.name}`;
    reasons.push({ failure: grantUnusable(name, `The grant cannot be applied: ${problem}.`), location, auditable: false });
  }
  return { relations, reasons };
};

const targetsOf = async (
  decision: Decision,
  { parsed, bytes }: { readonly parsed: ParsedStatement; readonly bytes: Buffer },
  context: JudgeContext,
): Promise<{ readonly targets: readonly ExplainedTarget[]; readonly reasons: readonly Reason[] }> => {
  const statement = { tree: parsed.node, scopes: new Map(), catalog: context.catalog, declared: [], explains: false };
  const { reasons } = await targetScopesOf(decision, context, statement);
  const targets = decision.targets.map((target) => ({ target, position: characterAt(bytes, target.write.reference.location) }));
  return { targets, reasons };
};

const preparedOf = (relations: readonly ExplainedRelation[], { revision }: JudgeContext): PreparedByText => ({
  revision,
  keyed: relations.some(({ scope }) => scope.type === 'Scoped' && scope.keyed),
  unfenced: false,
  withholdErrors: false,
  relations: [],
  masked: [],
  filtered: [],
  policies: [],
  terms: NO_TERMS,
});
