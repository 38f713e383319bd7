/**
 * Fields that the API has and this version does not act on. What would make a policy weaker than it reads is refused;
 * what is refused anyway is said in a warning. Whoever builds one removes it here.
 */
import type { DatabaseAccessPolicy } from '../generated/database-access-policy.ts';
import type { Fault } from './problem.ts';

export type NotEnforced = { readonly faults: readonly Fault[]; readonly warnings: readonly Fault[] };

const fault = (field: string, message: string, remedy: string): Fault => ({ path: ['spec', field], message, remedy });

type Rule = NonNullable<DatabaseAccessPolicy['spec']['rules']>[number];

/** Reading statements: the only ones that this version lets through. */
const READING = new Set(['Select', 'Copy']);

/** Would the rule hold back something that is let through without it? */
const holdsReading = ({ match, action }: Rule): boolean =>
  action !== 'Audit' &&
  match.rowsAffectedOver === undefined &&
  (match.statements === undefined || match.statements.some((statement) => READING.has(statement)));

/** What a policy says in vain. */
export const notYetEnforced = ({ spec }: DatabaseAccessPolicy): NotEnforced => {
  const rules = spec.rules ?? [];
  const writes = (spec.relations ?? []).some(({ insert, update, delete: remove }) => insert ?? update ?? remove);
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  if (rules.some(holdsReading)) {
    faults.push(fault('rules', 'rules on reading are not applied by this version', 'Take them out, and grant less instead.'));
  } else if (rules.length > 0) {
    warnings.push(fault('rules', 'rules are not applied by this version', 'The statements that they name are refused without them.'));
  }
  if (spec.detect !== undefined) {
    faults.push(fault('detect', 'values are not looked into by this version', 'Take it out, and mask the columns that are known.'));
  }
  if (writes) {
    warnings.push(fault('relations', 'writing is refused by this version, though it is granted', 'Grants for reading are in force.'));
  }
  return { faults, warnings };
};
