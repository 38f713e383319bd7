/** Every check, in the order in which their findings are printed. */
import { agentsWithoutPassword, endedPolicies, grantedFunctions, powerfulRole, unreviewedExtensions } from './lint-access.ts';
import { derivedColumns, tellingConstraints } from './lint-constraints.ts';
import { brokenExpressions, settingDependence, writableFilters } from './lint-filters.ts';
import type { Check, Finding, LintInput } from './lint-finding.ts';
import { everyColumn, grantedTwice, shownElsewhere, unknownColumns, unknownRelations } from './lint-grants.ts';
import { mildDetectors } from './lint-detectors.ts';
import { crampedSessions, pointlessLimits } from './lint-limits.ts';
import { shadowedRules, unknownInRules } from './lint-rules.ts';
import { revealingMasks, unusableGrants } from './lint-masks.ts';

const CHECKS: readonly Check[] = [
  unknownRelations,
  unknownColumns,
  unusableGrants,
  brokenExpressions,
  grantedTwice,
  shownElsewhere,
  revealingMasks,
  derivedColumns,
  tellingConstraints,
  everyColumn,
  writableFilters,
  settingDependence,
  unknownInRules,
  shadowedRules,
  grantedFunctions,
  unreviewedExtensions,
  mildDetectors,
  pointlessLimits,
  crampedSessions,
  endedPolicies,
  agentsWithoutPassword,
  powerfulRole,
];

/** What is wrong with the policies, as far as what was read tells. */
export const findings = (input: LintInput): readonly Finding[] => CHECKS.flatMap((check) => check(input));
