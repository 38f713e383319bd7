/**
 * Fields that the API has and nothing acts on: a policy with one would be weaker than it reads, so that it is refused.
 */
import type { DatabaseAccessPolicy } from '../generated/database-access-policy.ts';
import type { Fault } from './problem.ts';

/** What a policy says in vain. */
export const notYetEnforced = ({ spec }: DatabaseAccessPolicy): readonly Fault[] =>
  spec.detect === undefined
    ? []
    : [
        {
          path: ['spec', 'detect'],
          message: 'values are not looked into yet',
          remedy: 'Take it out, and mask the columns that are known.',
        },
      ];
