/**
 * Fields that the API has and this version does not act on. Each is said in a warning, so that nobody relies on it;
 * whoever builds one removes it here.
 */
import type { DatabaseAccessPolicy } from '../generated/database-access-policy.ts';
import type { Fault } from './problem.ts';

const warning = (field: string, message: string, remedy: string): Fault => ({ path: ['spec', field], message, remedy });

/** What a policy says in vain. */
export const notYetEnforced = ({ spec }: DatabaseAccessPolicy): readonly Fault[] => {
  const writes = (spec.relations ?? []).some(({ insert, update, delete: remove }) => insert ?? update ?? remove);
  return [
    ...(spec.rules === undefined ? [] : [warning('rules', 'rules are not applied by this version', 'Do not rely on them yet.')]),
    ...(spec.detect === undefined
      ? []
      : [warning('detect', 'values are not looked into by this version', 'Mask the columns that are known.')]),
    ...(writes
      ? [warning('relations', 'writing is refused by this version, though it is granted', 'Grants for reading are in force.')]
      : []),
  ];
};
