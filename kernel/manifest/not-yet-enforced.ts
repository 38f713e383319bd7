/**
 * Fields that the API has and this version does not act on. What would make a policy weaker than it reads is refused;
 * what is refused anyway is said in a warning. Whoever builds one removes it here.
 */
import type { DatabaseAccessPolicy } from '../generated/database-access-policy.ts';
import type { Fault } from './problem.ts';

export type NotEnforced = { readonly faults: readonly Fault[]; readonly warnings: readonly Fault[] };

const fault = (field: string, message: string, remedy: string): Fault => ({ path: ['spec', field], message, remedy });

/** What a policy says in vain. */
export const notYetEnforced = ({ spec }: DatabaseAccessPolicy): NotEnforced => {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  if (spec.detect !== undefined) {
    faults.push(fault('detect', 'values are not looked into by this version', 'Take it out, and mask the columns that are known.'));
  }
  return { faults, warnings };
};
