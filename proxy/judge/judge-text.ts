/**
 * From a text to its judgement: scan, parse, analyze, decide, scope, verify. One call, no state.
 */
import {
  Failure,
  grantUnusable,
  internalError,
  notUnderstood,
  scopeUnchecked,
  statementTooLarge,
  syntaxError,
} from '../../kernel/failure.ts';
import { decide } from '../policy/decide.ts';
import type { Decision, DecisionContext } from '../policy/decision.ts';
import type { Grants } from '../policy/grants.ts';
import { hidesNothing } from '../policy/hides-nothing.ts';
import { definitionChanges } from '../policy/definition-changes.ts';
import { judgeRules, refusedByKind } from '../policy/rules/judge-rules.ts';
import { afterEffect, NOTHING_UNCOMMITTED } from '../policy/uncommitted.ts';
import {
  type Allowed,
  type Edit,
  type Judged,
  NO_TERMS,
  type PreparedByText,
  type RunningTerms,
  type SessionState,
  type StatementEffect,
  type Uncommitted,
} from '../policy/judgement.ts';
import { countWatches, severalUncounted } from '../policy/uncounted.ts';
import { applyEdits } from '../scope/apply-edits.ts';
import { fenced, isUnfenced } from '../scope/fence.ts';
import { type Anchor, rewrite } from '../scope/rewrite.ts';
import type { Scope } from '../scope/scope.ts';
import { isOpened, type TargetScope } from '../scope/target.ts';
import { verifyRewritten } from '../scope/verify.ts';
import type { Analysis, FunctionUse, RelationReference } from '../sql/analysis.ts';
import { analyze, kindOf } from '../sql/analyze.ts';
import type { ParsedStatement } from '../sql/grammar.ts';
import { decodeText, readTokens, refuseForeignNames, type Tokens } from '../sql/tokens.ts';
import type { Tree } from '../sql/tree.ts';
import { watchLiterals } from './literal-watch.ts';
import type { Lesson } from './template-cache.ts';
import { commonOf, type Judging, refused, refusedFor } from './judging.ts';
import { templateOf } from './template.ts';
import { applyEstimates, type Estimated } from './estimates.ts';
import { mayTell, mergedEdits, nameDefinition } from './judge-definition.ts';
import type { JudgeContext } from './judge-context.ts';
import { contextAfter } from './overlay.ts';
import { narrowedContext } from './narrowed.ts';
import { explainedWatches, runningTerms } from './running-terms.ts';
import { note, noteDefinition, noteWrites } from './noted.ts';
import { dependsOnPath, refusedByPath } from './path-dependence.ts';
import { openTargets, shownColumns } from './printed-rows.ts';
import { targetScopesOf, tellingIn } from './targets.ts';

export type TextJudgement = {
  readonly judged: Judged;
  readonly cacheable: boolean;
  readonly unknownNames: boolean;
  readonly defines: boolean;
  /** What can be learned of other texts with other literals. */
  readonly lesson?: Lesson;
};

/** Statements whose judgement depends on more than text, policy, catalog and search_path. */
const SESSION_FORMS = new Set(['Execute', 'Fetch', 'Explain', 'Definition']);

/** Characters of the scopes in a text: each short name of a relation may become a long one. */
const MAX_SENT = 8 * 1024 * 1024;

const UNKNOWN_CODES = new Set(['relation-unknown', 'function-unknown', 'grant-unusable']);

export const judgeText = async (
  bytes: Buffer,
  via: 'Query' | 'Parse',
  state: SessionState,
  given: JudgeContext,
): Promise<TextJudgement> => {
  const outside = await narrowedContext(given);
  const uncommitted = state.uncommitted ?? NOTHING_UNCOMMITTED;
  const context = contextAfter(outside, uncommitted.changes);
  let kinds: readonly string[] = [];
  const judging = (): Judging => ({
    kinds,
    relations: new Set(),
    masked: new Set(),
    filtered: new Set(),
    policies: new Set(),
    reasons: [],
    rules: new Set(),
  });
  let current = judging();
  try {
    const text = decodeText(bytes);
    const tokens = readTokens(bytes);
    if (context.catalog.encoding !== 'UTF8') refuseForeignNames(tokens);
    // INVARIANT: nothing is awaited between the last look at `ready` and the parse: another statement could use the grammar up.
    while (!context.grammar.ready) await context.grammar.load();
    const statements = context.grammar.parse(text);
    kinds = statements.map(kindOf);
    current = judging();
    if (via === 'Parse' && statements.length > 1) throw syntaxError('cannot insert multiple commands into a prepared statement', undefined);
    const template = templateOf(bytes, tokens);
    const watch = template === undefined ? undefined : watchLiterals(trees(statements), bytes, template);
    const result = await judgeStatements({ bytes, tokens, statements, via, state, uncommitted, outside }, context, current);
    if (template === undefined || watch === undefined || !result.cacheable) return result;
    return { ...result, lesson: { template, judged: result.judged, unread: watch.unread(), recordedEdits: result.recordedEdits ?? [] } };
  } catch (error) {
    const failure = error instanceof Failure ? error : internalError();
    if (!(error instanceof Failure)) context.onFault(error);
    const passing = !(error instanceof Failure) || failure.fields.code === 'scope-unchecked';
    return { judged: refused(failure, current, context), cacheable: !passing, unknownNames: false, defines: false };
  }
};

/** A text as it was read, and the session that it came from. */
type Reading = {
  readonly bytes: Buffer;
  readonly tokens: Tokens;
  readonly statements: readonly ParsedStatement[];
  readonly via: 'Query' | 'Parse';
  readonly state: SessionState;
  readonly uncommitted: Uncommitted;
  /** What is true outside of the session's transaction. */
  readonly outside: JudgeContext;
};

const judgeStatements = async (
  reading: Reading,
  start: JudgeContext,
  judging: Judging,
): Promise<TextJudgement & { readonly recordedEdits?: readonly Edit[] }> => {
  const { bytes, tokens, statements, via, state, outside } = reading;
  const sent: Edit[] = [];
  const recorded: Edit[] = [];
  const anchors: Anchor[] = [];
  const guards: Edit[] = [];
  const guarded = new Set<FunctionUse>();
  const effects: StatementEffect[] = [];
  const terms: RunningTerms[] = [];
  const scopes: Standing[] = [];
  const maskedParameters = new Set<number>();
  let cacheable = true;
  let path = state.searchPath;
  const made = new Map<string, PreparedByText>();
  const analyses: Analysis[] = [];
  const declared = new Map<string, PreparedByText>();
  const estimated: Estimated[] = [];
  const defined: (readonly string[])[] = [];
  const withheld: number[] = [];
  let context = start;
  let uncommitted = reading.uncommitted;
  let namedHides = false;
  const namedOpen: string[] = [];
  let looksUp = false;
  for (const statement of statements) {
    const analysis = analyzed(statement, bytes, context.grants);
    analyses.push(analysis);
    if (SESSION_FORMS.has(analysis.form.type)) cacheable = false;
    // What earlier statements of the same text did counts for this one.
    const seen: SessionState = {
      searchPath: path,
      prepared: (name) => made.get(name) ?? state.prepared(name),
      cursor: (name) => declared.get(name) ?? state.cursor(name),
    };
    const decisionContext: DecisionContext = { catalog: context.catalog, grants: context.grants, state: seen, revision: context.revision };
    const decision = decide(analysis, decisionContext);
    const ruled = judgeRules(statement.node, analysis, decision, decisionContext);
    // That no rule opens a definition is said before what is wrong with it.
    const reasons = decision.definition === undefined ? [decision.reasons, ruled.reasons] : [ruled.reasons, decision.reasons];
    for (const reason of reasons.flat()) judging.reasons.push(reason);
    const counted = countWatches(ruled.watches, analysis, explainedWatches(analysis, seen));
    for (const failure of counted.refusals) judging.reasons.push({ failure, location: 0, auditable: true });
    for (const rule of [...ruled.rules, ...counted.rules]) judging.rules.add(rule);
    const { catalog } = context;
    const parameterTypes = via === 'Query' ? [] : state.parameterTypes;
    const own = fenced(await scopesOf(decision, context, judging), analysis, statement.node, { catalog, declared: parameterTypes });
    const explains = analysis.form.type === 'Explain';
    const written = await targetScopesOf(decision, context, {
      tree: statement.node,
      scopes: own,
      catalog,
      declared: parameterTypes,
      explains,
    });
    for (const reason of written.reasons) judging.reasons.push(reason);
    const standing = [...own.values(), ...written.targets.values()];
    judging.reasons.push(...refusedByPath(standing, path, catalog));
    while (!context.grammar.ready) await context.grammar.load();
    const { telling, reasons: telltale } = tellingIn(analysis, decision, { context, scopes: written.targets });
    for (const reason of telltale) judging.reasons.push(reason);
    note(analysis, { decision, scopes: own }, judging, maskedParameters);
    noteWrites(analysis, decision, judging, maskedParameters);
    noteDefinition(decision, judging);
    if (judging.reasons.some((reason) => !reason.auditable || context.grants.mode === 'Enforce')) {
      return {
        judged: refusedFor(judging, bytes, start),
        cacheable,
        unknownNames: judging.reasons.some((reason) => UNKNOWN_CODES.has(reason.failure.fields.code)),
        defines: false,
      };
    }
    if (ruled.estimates.length > 0) {
      estimated.push({ estimates: ruled.estimates, analysis, tree: statement.node, searchPath: path });
    }
    const { targets } = written;
    const rewritten = rewrite(analysis, tokens, decision, { scopes: own, targets });
    const named = nameDefinition(analysis, decision, tokens);
    defined.push(named.names);
    for (const edit of mergedEdits(rewritten.sent, named.edits)) sent.push(edit);
    for (const edit of mergedEdits(rewritten.recorded, named.edits)) recorded.push(edit);
    for (const anchor of rewritten.anchors) anchors.push(anchor);
    for (const edit of rewritten.guards) guards.push(edit);
    for (const { use } of decision.guards) guarded.add(use);
    scopes.push(...standing);
    const { hidesResult } = rewritten;
    const { watches } = counted;
    const lasting: RunningTerms =
      watches.length === 0 && !hidesResult && telling === undefined ? NO_TERMS : { watches, hidesResult, ...(telling && { telling }) };
    const followsPath = looksUpNames(analysis, decision, context) || standing.some((scope) => dependsOnPath(scope, catalog));
    looksUp ||= followsPath;
    const prepared = { ...preparedOf(standing, judging, context), terms: lasting, ...(followsPath && { searchPath: path }) };
    const effect = effectOf(decision, prepared);
    effects.push(effect);
    terms.push(runningTerms(effect, lasting, { explain: decision.explain, seen }));
    if (effect.type === 'SetSearchPath') path = effect.path ?? context.catalog.defaultSearchPath;
    if (effect.type === 'ResetAll' || effect.type === 'DiscardAll') path = context.catalog.defaultSearchPath;
    if (effect.type === 'Prepare') made.set(effect.name, effect.prepared);
    if (effect.type === 'Declare') declared.set(effect.name, effect.prepared);
    const before = uncommitted;
    uncommitted = afterEffect(before, effect);
    if (uncommitted.changes !== before.changes) context = contextAfter(outside, uncommitted.changes);
    const ran = effect.type === 'Execute' ? seen.prepared(effect.name) : effect.type === 'Fetch' ? seen.cursor(effect.name) : undefined;
    for (const name of ran?.filtered ?? []) judging.filtered.add(name);
    // What runs is what the name stands for; where that is not known, its errors are not either.
    const namedMayFail = (effect.type === 'Execute' || effect.type === 'Fetch') && (ran?.withholdErrors ?? true);
    namedHides ||= ran?.withholdInside === true;
    namedOpen.push(...(ran?.open ?? []));
    const tells = decision.definition?.uses.some(mayTell) ?? false;
    if (namedMayFail || tells || fails(standing, context)) withheld.push(effects.length - 1);
  }
  const size = sent.reduce((sum, edit) => sum + edit.text.length, 0);
  if (size > MAX_SENT) throw statementTooLarge(`Its relations stand for ${size} characters of scopes, and the limit is ${MAX_SENT}.`);
  const text = applyEdits(bytes, sent);
  if (sent.length > 0) {
    while (!context.grammar.ready) await context.grammar.load();
    const fault = verifyRewritten(text, { analyses, edits: sent, anchors, guards, guarded, defined }, context.grammar);
    if (fault !== undefined) {
      context.onFault(new Error(`rewritten text does not verify: ${fault}`));
      return {
        judged: refused(notUnderstood('this form of the statement'), judging, start),
        cacheable: false,
        unknownNames: false,
        defines: false,
      };
    }
  }
  if (await applyEstimates(estimated, { bytes, edits: sent }, context, judging)) cacheable = false;
  judging.reasons.push(...severalUncounted(terms).map((failure) => ({ failure, location: 0, auditable: true })));
  if (judging.reasons.length > 0 && context.grants.mode === 'Enforce') {
    return { judged: refusedFor(judging, bytes, start), cacheable, unknownNames: false, defines: false };
  }
  const allowed: Allowed = {
    ...commonOf(judging, start),
    decision: judging.reasons.length > 0 ? 'AuditOnly' : 'Allow',
    sent: text,
    recorded: recorded.length === 0 ? undefined : applyEdits(bytes, recorded),
    edits: sent,
    effects,
    terms,
    withholdErrors: withheld.length > 0,
    ...(effects.length > 1 && { withheld }),
    ...shownColumns(scopes.filter(isTarget), context),
    ...(hidesNothing(context.grants, context.catalog) && { hidesNothing: true }),
    withholdInside: namedHides || scopes.some(hidesColumns),
    open: [...openTargets(scopes.filter(isTarget), context), ...namedOpen],
    ...(looksUp && { searchPath: state.searchPath }),
    keyed: scopes.some(isKeyed),
    unfenced: scopes.some(isOpen),
    maskedParameters: [...maskedParameters],
  };
  const defines = effects.some(({ type }) => type === 'Define');
  return { judged: allowed, cacheable, unknownNames: false, defines, recordedEdits: recorded };
};

/** Is something of it looked up along the search_path? What is not qualified and stands in pg_catalog is found there first. */
const looksUpNames = (analysis: Analysis, { relations, targets }: Decision, { catalog }: JudgeContext): boolean =>
  relations.some(({ reference, relation }) => reference.schema === undefined && relation.schema !== 'pg_catalog') ||
  targets.some(({ write }) => write.reference.schema === undefined) ||
  analysis.functions.some(({ schema, name }) => schema === undefined && !catalog.builtinFunctions.has(name)) ||
  analysis.types.some(({ schema, name }) => schema === undefined && !catalog.builtinTypes.has(name));

const trees = (statements: readonly ParsedStatement[]): readonly Tree[] => statements.map(({ node }) => node);

/** The analysis; a rule that refuses this kind of statement has the first word where its form is refused anyway. */
const analyzed = (statement: ParsedStatement, bytes: Buffer, grants: Grants): Analysis => {
  try {
    return analyze(statement, bytes);
  } catch (error) {
    if (!(error instanceof Failure) || error.fields.code !== 'statement-refused') throw error;
    throw refusedByKind(statement.node, grants) ?? error;
  }
};

/** What stands for a relation, read or written. */
type Standing = Scope | TargetScope;

/** Triggers and constraints of what is written see its columns as they are. */
const hidesColumns = (scope: Standing): boolean =>
  scope.type === 'Target' && (scope.masked.length > 0 || scope.grant.select?.columns !== '*');

const isTarget = (scope: Standing): scope is TargetScope => scope.type === 'Target';

/** Does a condition of the agent's meet hidden rows? */
const isOpen = (scope: Standing): boolean => (scope.type === 'Target' ? isOpened(scope.open) : isUnfenced(scope));

const isKeyed = (scope: Standing): boolean => (scope.type === 'Scoped' || scope.type === 'Target') && scope.keyed;

/** A view's own expressions run on what the agent may not see, and their errors could print it. */
const mayFail = (scope: Standing): boolean =>
  scope.type === 'Scoped' || scope.type === 'Target'
    ? scope.mayFail || (scope.relation.kind === 'v' && scope.relation.schema !== 'pg_catalog')
    : scope.relation.kind === 'v';

const fails = (scopes: readonly Standing[], { grants, catalog }: JudgeContext): boolean =>
  scopes.some(mayFail) && !hidesNothing(grants, catalog);

const probed = async (scope: Scope, name: string, context: JudgeContext): Promise<string | undefined> => {
  try {
    return await context.probe(scope);
  } catch (error) {
    context.onFault(error);
    throw scopeUnchecked(name);
  }
};

const scopesOf = async (decision: Decision, context: JudgeContext, judging: Judging): Promise<ReadonlyMap<RelationReference, Scope>> => {
  const scopes = new Map<RelationReference, Scope>();
  for (const resolved of decision.relations) {
    const name = `${resolved.relation.schema}.${resolved.relation.name}`;
    while (!context.grammar.ready) await context.grammar.load();
    const scope = context.scopeOf(resolved);
    const problem =
      scope.type === 'Unusable' ? scope.problem : resolved.access.type === 'Granted' ? await probed(scope, name, context) : undefined;
    if (problem !== undefined) {
      judging.reasons.push({
        failure: grantUnusable(name, `The grant cannot be applied: ${problem}.`),
        location: resolved.reference.location,
        auditable: false,
      });
    }
    scopes.set(resolved.reference, scope);
  }
  return scopes;
};

const preparedOf = (scopes: readonly Standing[], judging: Judging, context: JudgeContext): PreparedByText => ({
  revision: context.revision,
  keyed: scopes.some(isKeyed),
  unfenced: scopes.some(isOpen),
  withholdErrors: fails(scopes, context),
  withholdInside: scopes.some(hidesColumns),
  open: openTargets(scopes.filter(isTarget), context),
  relations: [...judging.relations],
  masked: [...judging.masked],
  filtered: [...judging.filtered],
  policies: [...judging.policies],
  terms: NO_TERMS,
});

const effectOf = (decision: Decision, prepared: PreparedByText): StatementEffect => {
  if (decision.definition !== undefined) {
    return { type: 'Define', changes: definitionChanges(decision.definition, decision.relations) };
  }
  const { effect } = decision;
  if (effect.type === 'Prepare') return { type: 'Prepare', name: effect.name, prepared };
  if (effect.type === 'Declare') return { type: 'Declare', name: effect.name, prepared };
  return effect.type === 'None' ? (decision.pathChange ?? effect) : effect;
};
