/**
 * The rules of a policy for risky statements.
 */
import type { Approval, Rule } from '../policy.ts';
import type { DatabaseAccessPolicy } from '../generated/database-access-policy.ts';
import { milliseconds } from './amounts.ts';
import type { FieldPath } from './field-path.ts';
import { uniqueNames } from './names.ts';
import type { Building } from './resource.ts';

type RuleDocument = NonNullable<DatabaseAccessPolicy['spec']['rules']>[number];

const approvalOf = (building: Building, approval: NonNullable<RuleDocument['approval']>, path: FieldPath): Approval => ({
  approvers: approval.approvers.map(({ group, user }) =>
    group === undefined ? { type: 'User', name: user ?? '' } : { type: 'Group', name: group },
  ),
  // Faults leave no bundle, so the zeros are never used.
  waitFor: milliseconds(building, approval.waitFor, [...path, 'waitFor']) ?? 0,
  validFor: milliseconds(building, approval.validFor, [...path, 'validFor']) ?? 0,
});

/** The rules, in order. */
export const rulesOf = (building: Building, rules: readonly RuleDocument[], path: FieldPath): readonly Rule[] =>
  rules.map(({ name, match, action, approval }, index) => {
    const relations = match.relations?.map((text, item) => ({ text, path: [...path, index, 'match', 'relations', item] }));
    return {
      name,
      match: {
        statements: match.statements,
        relations: relations && uniqueNames(building, relations).flatMap((relation) => relation ?? []),
        withoutWhere: match.withoutWhere,
        rowsReturnedOver: match.rowsReturnedOver,
        rowsAffectedOver: match.rowsAffectedOver,
      },
      action,
      approval: approval && approvalOf(building, approval, [...path, index, 'approval']),
    };
  });
