/**
 * The decision on one statement: a pure function of what it touches, who asks, what the database contains and what policy says.
 */
import {
  functionRefused,
  notUnderstood,
  staleStatement,
  statementOfOtherPath,
  statementRefused,
  statementUnknown,
} from '../../kernel/failure.ts';
import { refusedFunctionDetail } from '../catalog/builtin/functions.ts';
import type { Analysis, FunctionUse } from '../sql/analysis.ts';
import { checkCasts, typesInReach, typesMade } from './checks/casts.ts';
import { checkDefinition } from './checks/definitions.ts';
import { checkColumns } from './checks/columns.ts';
import { checkFields } from './checks/fields.ts';
import { checkFunction } from './checks/functions.ts';
import { checkOperators } from './checks/operators.ts';
import { checkRelation } from './checks/relations.ts';
import { checkSetting, checkSettingFunction, checkShow, isShownByName, isWritingAsUsual } from './checks/settings.ts';
import { checkLocks, checkWrite } from './checks/writes.ts';
import type { Decision, DecisionContext, Guard, Pin, Reason, ResolvedRelation, ResolvedTarget } from './decision.ts';
import { isOfPath } from './judgement.ts';
import { targetReads } from './target-reads.ts';

/** Decides. Refused where `reasons` is not empty; `mode: Audit` may let a statement through whose reasons are all auditable. */
export const decide = (analysis: Analysis, context: DecisionContext): Decision => {
  const reasons: Reason[] = [];
  const relations: ResolvedRelation[] = [];
  const pins: Pin[] = [];
  const guards: Guard[] = [];
  const defined = analysis.form.type === 'Definition' ? analysis.form : undefined;
  let pathChange: Decision['pathChange'];
  for (const reference of analysis.relations) {
    const verdict = checkRelation(reference, context);
    if (verdict.type !== 'Resolved') reasons.push(verdict.reason);
    if (verdict.type !== 'Refused') relations.push(verdict.resolved);
  }
  const targets: ResolvedTarget[] = [];
  for (const write of analysis.writes) {
    const verdict = checkWrite(write, context);
    reasons.push(...verdict.reasons);
    if (verdict.target !== undefined) targets.push(verdict.target);
  }
  reasons.push(...checkLocks(analysis.locks, relations, context));
  for (const use of analysis.functions) {
    const verdict = checkFunction(use, context);
    if (verdict.reason !== undefined) reasons.push(verdict.reason);
    if (verdict.pin !== undefined) pins.push(verdict.pin);
    // What is defined would keep the guard, and the agent would not find what it wrote.
    if (verdict.silent && defined !== undefined) reasons.push(refusedHere(use));
    else if (verdict.silent) guards.push({ use, type: 'Silent' });
    if (!verdict.judged) continue;
    if (defined === undefined && isShownByName(use)) {
      guards.push({ use, type: 'ShownSettings', settings: context.grants.settings });
      continue;
    }
    const setting = checkSettingFunction(use, { outright: analysis.outright, earlier: pathChange }, context);
    if (setting.reason !== undefined) reasons.push(setting.reason);
    pathChange = setting.path ?? pathChange;
  }
  reasons.push(
    ...checkFields(analysis, [...relations, ...targets.map(({ write, relation }) => ({ reference: write.reference, relation }))], context),
  );
  reasons.push(...checkColumns(analysis, relations));
  const target = targetReads(analysis, { relations, targets }, context);
  reasons.push(...target.reasons);
  const types = typesInReach(analysis, [...relations, ...targets], context);
  reasons.push(...checkOperators(analysis.operators, types, context));
  reasons.push(...checkCasts(analysis.types, types, context));
  for (const change of analysis.settings) {
    if (analysis.form.type === 'Transaction' && isWritingAsUsual(change, context)) continue;
    const verdict = checkSetting(change, context);
    if (verdict.reason !== undefined) reasons.push(verdict.reason);
    pathChange = verdict.path ?? pathChange;
  }
  const definition = defined && checkDefinition(analysis, defined.definition, relations, context);
  if (definition !== undefined) reasons.push(...definition.reasons);
  const form = checkForm(analysis, context);
  if (form.reason !== undefined) reasons.push(form.reason);
  return {
    reasons,
    relations,
    targets,
    targetReads: target.reads,
    pins,
    guards,
    effect: form.effect,
    pathChange,
    definition: defined && { ...defined, uses: definition?.uses ?? [], types: typesMade(analysis, types, context) },
    explain: analysis.form.type === 'Explain',
  };
};

const refusedHere = ({ name, location }: FunctionUse): Reason => ({
  failure: functionRefused(name, refusedFunctionDetail('silent')),
  location,
  auditable: false,
});

const refuse = (failure: Reason['failure']): Reason => ({ failure, location: 0, auditable: false });

const changesUnseen = (what: string): Reason['failure'] => notUnderstood(`${what}, which changes the session,`);

/** INVARIANT: a statement that the session does not know was not judged, whatever the server says of it. */
const checkPrepared = (name: string, { catalog, state, revision }: DecisionContext): Reason | undefined => {
  const prepared = state.prepared(name);
  if (prepared === undefined) return refuse(statementUnknown(name));
  if (prepared.revision !== revision) return refuse(staleStatement(`prepared statement "${name}"`));
  // INVARIANT: EXECUTE does what it does, and what that is to the session is only followed where it is run by itself.
  if (prepared.changesSession === true) return refuse(changesUnseen(`EXECUTE of prepared statement "${name}"`));
  // PostgreSQL would look its names up again.
  return isOfPath(prepared, state.searchPath, catalog.schemas) ? undefined : refuse(statementOfOtherPath(`prepared statement "${name}"`));
};

const DISCARDS: Readonly<Record<Extract<Analysis['form'], { type: 'Discard' }>['target'], Decision['effect']>> = {
  All: { type: 'DiscardAll' },
  Temp: { type: 'DiscardTemporary' },
  Plans: { type: 'None' },
  Sequences: { type: 'None' },
};

/** What the statement does to the session, and whether what it names is still what policy allows. */
const checkForm = (analysis: Analysis, context: DecisionContext): { reason: Reason | undefined; effect: Decision['effect'] } => {
  const { form } = analysis;
  const { state, revision } = context;
  const plain = { reason: undefined, effect: { type: 'None' } } as const;
  switch (form.type) {
    case 'Query':
    case 'CopyOut':
    case 'CopyIn':
    case 'LockForReading':
    case 'Set':
    case 'Unlisten':
    case 'Definition':
      return plain;
    case 'Explain': {
      if (form.execute === undefined) return plain;
      const effect = { type: 'Execute', name: form.execute } as const;
      if (state.prepared(form.execute)?.keyed === true) {
        return {
          effect,
          reason: refuse(statementRefused('EXPLAIN EXECUTE of a statement with a keyed mask', 'Explain the query itself.')),
        };
      }
      if (form.analyzed && state.prepared(form.execute)?.unfenced === true) {
        return {
          effect,
          reason: refuse(
            statementRefused('EXPLAIN ANALYZE EXECUTE of a statement that hides rows or columns', 'Explain the query itself.'),
          ),
        };
      }
      // What is planned to run is planned with samples of hidden rows: see `fence.ts`.
      if ((state.prepared(form.execute)?.filtered.length ?? 0) > 0) {
        return {
          effect,
          reason: refuse(statementRefused('EXPLAIN EXECUTE of a statement with a row filter', 'Explain the query itself.')),
        };
      }
      return { effect, reason: checkPrepared(form.execute, context) };
    }
    case 'Prepare':
      return { reason: undefined, effect: { type: 'Prepare', name: form.name } };
    case 'Declare':
      return { reason: undefined, effect: { type: 'Declare', name: form.name } };
    case 'Execute':
      return { reason: checkPrepared(form.name, context), effect: { type: 'Execute', name: form.name } };
    case 'Fetch': {
      const cursor = state.cursor(form.name);
      const stale = cursor !== undefined && cursor.revision !== revision;
      if (cursor?.changesSession === true)
        return { reason: refuse(changesUnseen(`FETCH from portal "${form.name}"`)), effect: { type: 'Fetch', name: form.name } };
      return { reason: stale ? refuse(staleStatement(`cursor "${form.name}"`)) : undefined, effect: { type: 'Fetch', name: form.name } };
    }
    case 'Deallocate':
      return { reason: undefined, effect: { type: 'Deallocate', name: form.name } };
    case 'Close':
      return { reason: undefined, effect: { type: 'CloseCursor', name: form.name } };
    case 'Transaction':
      return { reason: undefined, effect: { type: 'Transaction', action: form.action, name: form.name, chain: form.chain } };
    case 'ResetAll':
      return { reason: undefined, effect: { type: 'ResetAll' } };
    case 'Discard':
      return { reason: undefined, effect: DISCARDS[form.target] };
    case 'Show':
      return { ...plain, reason: checkShow(form.name, 0, context) };
  }
};
