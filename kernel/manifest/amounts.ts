/**
 * Durations and sizes of a policy, as numbers.
 */
import type { Limits } from '../policy.ts';
import type { DatabaseAccessPolicy } from '../generated/database-access-policy.ts';
import type { FieldPath } from './field-path.ts';
import { parseDuration, parseSize } from './quantity.ts';
import { type Building, faulty } from './resource.ts';

/** Milliseconds; undefined where nothing is said, or after a fault. */
export const milliseconds = (building: Building, text: string | undefined, path: FieldPath): number | undefined => {
  if (text === undefined) return undefined;
  return parseDuration(text) ?? faulty(building, path, `${JSON.stringify(text)} is not a duration`, 'Write it as in 30s, 15m or 1h30m.');
};

/** Bytes; undefined where nothing is said, or after a fault. */
export const bytes = (building: Building, size: string | number | undefined, path: FieldPath): number | undefined => {
  if (size === undefined) return undefined;
  return (
    parseSize(size) ?? faulty(building, path, `${JSON.stringify(size)} is not a size that can be counted`, 'Write it as in 64Mi or 10M.')
  );
};

/** The limits of a policy; undefined means no limit, and of probes `PROBES`. */
export const limitsOf = (building: Building, limits: DatabaseAccessPolicy['spec']['limits'], path: FieldPath): Limits => ({
  statementTimeout: milliseconds(building, limits?.statementTimeout, [...path, 'statementTimeout']),
  transactionTimeout: milliseconds(building, limits?.transactionTimeout, [...path, 'transactionTimeout']),
  idleTimeout: milliseconds(building, limits?.idleTimeout, [...path, 'idleTimeout']),
  sessionDuration: milliseconds(building, limits?.sessionDuration, [...path, 'sessionDuration']),
  rowsPerStatement: limits?.rowsPerStatement,
  bytesPerStatement: bytes(building, limits?.bytesPerStatement, [...path, 'bytesPerStatement']),
  statementsPerMinute: limits?.statementsPerMinute,
  sessions: limits?.sessions,
  memoryPerSession: bytes(building, limits?.memoryPerSession, [...path, 'memoryPerSession']),
  probesPerSession: limits?.probesPerSession,
  probesPerHour: limits?.probesPerHour,
});
