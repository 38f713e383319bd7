/**
 * What the judging of a text comes upon, for the audit record and the metrics.
 */
import type { Decision } from '../policy/decision.ts';
import type { Scope } from '../scope/scope.ts';
import type { Analysis, RelationReference } from '../sql/analysis.ts';
import { treeOf } from '../sql/tree.ts';
import type { Judging } from './judging.ts';

/** Records what is in reach, for the audit record and the metrics. */
export const note = (
  analysis: Analysis,
  { decision, scopes }: { readonly decision: Decision; readonly scopes: ReadonlyMap<RelationReference, Scope> },
  judging: Judging,
  maskedParameters: Set<number>,
): void => {
  const named = new Set(analysis.columns.map((use) => use.fields.at(-1) ?? ''));
  const copied = analysis.form.type === 'CopyOut' ? analysis.form.columns : undefined;
  for (const { reference, relation, access } of decision.relations) {
    const name = `${relation.schema}.${relation.name}`;
    judging.relations.add(name);
    if (access.type === 'Granted') judging.policies.add(access.granted.policy);
    const scope = scopes.get(reference);
    if (scope?.type !== 'Scoped') continue;
    if (scope.filtered) judging.filtered.add(name);
    // A star or a whole-row reference brings every column.
    const whole =
      analysis.columns.some((use) => use.star) ||
      named.has(reference.alias ?? reference.name) ||
      (analysis.form.type === 'CopyOut' && copied === undefined);
    for (const column of scope.masked) {
      if (whole || named.has(column) || copied?.includes(column)) judging.masked.add(`${name}.${column}`);
    }
    for (const use of analysis.parameters)
      if (use.columns.some((column) => scope.masked.includes(column))) maskedParameters.add(use.parameter);
  }
};

/** Likewise of what is written. */
export const noteWrites = (
  analysis: Analysis,
  { targets, targetReads }: Decision,
  judging: Judging,
  maskedParameters: Set<number>,
): void => {
  for (const { relation, granted, write } of targets) {
    const name = `${relation.schema}.${relation.name}`;
    judging.relations.add(name);
    judging.policies.add(granted.policy);
    if (granted.grant.where !== undefined) judging.filtered.add(name);
    const masked = new Set((granted.grant.select?.masks ?? []).map(({ column }) => column));
    for (const { target, column } of targetReads) {
      if (target.write !== write) continue;
      for (const each of typeof column === 'string' ? [column] : masked) judging.masked.add(`${name}.${each}`);
    }
    for (const { parameter, columns } of analysis.parameters)
      if (columns.some((column) => masked.has(column))) maskedParameters.add(parameter);
    for (const { column, parameter } of write.inserts.flatMap(({ parameters }) => parameters)) {
      if (masked.has(typeof column === 'string' ? column : (relation.columns[column]?.name ?? ''))) maskedParameters.add(parameter);
    }
    for (const { column, value } of write.updates) {
      const { number } = treeOf(value?.ParamRef);
      if (masked.has(column) && typeof number === 'number') maskedParameters.add(number);
    }
  }
};

/** Likewise of what is defined. */
export const noteDefinition = ({ definition }: Decision, judging: Judging): void => {
  for (const { schema, name, relation } of definition?.uses ?? []) if (relation !== undefined) judging.relations.add(`${schema}.${name}`);
};
