/** Checks of limits: those that are never met, since another ends the session before. */
import type { Limits } from '../kernel/policy.ts';
import { type Check, type Finding, inPolicy } from './lint-finding.ts';

type TimeLimit = 'statementTimeout' | 'transactionTimeout' | 'idleTimeout' | 'sessionDuration';

/** The first is of no effect where it is not smaller than the second. */
const ENDED_BEFORE: readonly (readonly [TimeLimit, TimeLimit, string])[] = [
  ['statementTimeout', 'transactionTimeout', 'a statement is part of a transaction, which ends with the session'],
  ['statementTimeout', 'sessionDuration', 'the session ends first'],
  ['transactionTimeout', 'sessionDuration', 'the session ends first'],
  ['idleTimeout', 'sessionDuration', 'the session ends first'],
];

/** Less than this holds hardly what a driver prepares by itself. */
const SMALL_MEMORY = 256 * 1024;

const time = (milliseconds: number): string => (milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`);

const idleLimits = (limits: Limits): readonly { readonly name: TimeLimit; readonly message: string }[] =>
  ENDED_BEFORE.flatMap(([name, other, why]) => {
    const [value, end] = [limits[name], limits[other]];
    if (value === undefined || end === undefined || value < end) return [];
    return [{ name, message: `${name} (${time(value)}) is not less than ${other} (${time(end)}), and has no effect: ${why}` }];
  });

/** Limits of time that another limit makes pointless. */
export const pointlessLimits: Check = ({ bundle }) =>
  bundle.policies.flatMap((policy) =>
    idleLimits(policy.limits).map(({ name, message }): Finding => {
      const remedy = 'Make it smaller, or leave it out.';
      return inPolicy('pointless-limit', policy, { severity: 'Warning', path: ['spec', 'limits', name], message, remedy });
    }),
  );

/** So little memory that ordinary drivers are refused. */
export const crampedSessions: Check = ({ bundle }) =>
  bundle.policies.flatMap((policy): Finding[] => {
    const { memoryPerSession } = policy.limits;
    if (memoryPerSession === undefined || memoryPerSession >= SMALL_MEMORY) return [];
    const message = `memoryPerSession (${memoryPerSession} bytes) is less than what drivers keep prepared by themselves`;
    const remedy = 'Set it to 1Mi or more, unless the agent is known to prepare nothing.';
    return [inPolicy('cramped-session', policy, { severity: 'Warning', path: ['spec', 'limits', 'memoryPerSession'], message, remedy })];
  });
