/**
 * The rules of a policy for risky statements.
 */
import type { Approval, Rule, RuleMatch, TimeWindow } from '../policy.ts';
import type { DatabaseAccessPolicy } from '../generated/database-access-policy.ts';
import { bytes, milliseconds } from './amounts.ts';
import type { FieldPath } from './field-path.ts';
import { uniqueColumns, uniqueIdentifiers, uniqueNames } from './names.ts';
import type { Building } from './resource.ts';

type RuleDocument = NonNullable<DatabaseAccessPolicy['spec']['rules']>[number];
type MatchDocument = RuleDocument['match'];

const approvalOf = (building: Building, approval: NonNullable<RuleDocument['approval']>, path: FieldPath): Approval => ({
  approvers: approval.approvers.map(({ group, user }) =>
    group === undefined ? { type: 'User', name: user ?? '' } : { type: 'Group', name: group },
  ),
  // Faults leave no bundle, so the zeros are never used.
  waitFor: milliseconds(building, approval.waitFor, [...path, 'waitFor']) ?? 0,
  validFor: milliseconds(building, approval.validFor, [...path, 'validFor']) ?? 0,
});

const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).format !== undefined;
  } catch {
    return false;
  }
};

/** Minutes since midnight of `HH:MM`. */
const minutesOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

const windowOf = (building: Building, time: NonNullable<MatchDocument['time']>, path: FieldPath): TimeWindow => {
  if (!isTimeZone(time.timeZone)) {
    building.fault({
      path: [...path, 'timeZone'],
      message: `there is no time zone ${JSON.stringify(time.timeZone)}`,
      remedy: 'Write its IANA name, as in Europe/Berlin.',
    });
  }
  return { timeZone: time.timeZone, days: time.days, from: minutesOf(time.from), to: minutesOf(time.to), outside: time.outside };
};

const matchOf = (building: Building, match: MatchDocument, path: FieldPath): RuleMatch => {
  const placed = (field: 'relations' | 'schemas' | 'functions' | 'columns') =>
    match[field]?.map((text, item) => ({ text, path: [...path, field, item] }));
  const named = <Name>(
    field: 'relations' | 'schemas' | 'functions' | 'columns',
    parse: (building: Building, texts: readonly { readonly text: string; readonly path: FieldPath }[]) => readonly (Name | undefined)[],
  ): readonly Name[] | undefined => {
    const texts = placed(field);
    return texts && parse(building, texts).flatMap((name) => name ?? []);
  };
  return {
    statements: match.statements,
    objects: match.objects,
    relations: named('relations', uniqueNames),
    schemas: named('schemas', uniqueIdentifiers),
    functions: named('functions', uniqueNames),
    columns: named('columns', uniqueColumns),
    withoutWhere: match.withoutWhere,
    withoutKey: match.withoutKey,
    fromQuery: match.fromQuery,
    upsert: match.upsert,
    time: match.time && windowOf(building, match.time, [...path, 'time']),
    rowsEstimatedOver: match.rowsEstimatedOver,
    rowsReturnedOver: match.rowsReturnedOver,
    bytesReturnedOver: bytes(building, match.bytesReturnedOver, [...path, 'bytesReturnedOver']),
    rowsAffectedOver: match.rowsAffectedOver,
  };
};

/** The rules, in order. */
export const rulesOf = (building: Building, rules: readonly RuleDocument[], path: FieldPath): readonly Rule[] =>
  rules.map(({ name, match, action, approval }, index) => ({
    name,
    match: matchOf(building, match, [...path, index, 'match']),
    action,
    approval: approval && approvalOf(building, approval, [...path, index, 'approval']),
  }));
