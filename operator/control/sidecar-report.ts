/**
 * A report as it comes in: checked here, trusted behind.
 */
import type { PolicyCounts, SidecarReport } from '../../kernel/control.ts';

/** A sidecar has no more policies than it may tell of. */
const MOST_POLICIES = 1000;

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const policiesOf = (value: unknown): Readonly<Record<string, PolicyCounts>> | undefined => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value as Readonly<Record<string, Partial<PolicyCounts> | null>>);
  if (entries.length > MOST_POLICIES) return undefined;
  const counts = entries.map(([policy, each]) => [policy, { blocked: each?.blocked, masked: each?.masked }] as const);
  if (!counts.every(([, { blocked, masked }]) => isCount(blocked) && isCount(masked))) return undefined;
  return Object.fromEntries(counts) as Readonly<Record<string, PolicyCounts>>;
};

/** The report; undefined: it is none. */
export const sidecarReport = (text: string): SidecarReport | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { revision, ready, sessions, policies } = value as Readonly<Record<string, unknown>>;
  const counts = policiesOf(policies);
  if ((revision !== null && typeof revision !== 'string') || typeof ready !== 'boolean' || !isCount(sessions) || counts === undefined)
    return undefined;
  return { revision, ready, sessions, policies: counts };
};
