/**
 * What the rules of the policies in force say of one statement. Things start here: `applyRules`.
 */
import { approvalRequired, ruleRefused } from '../../../kernel/policy-failure.ts';
import type { Rule, RuleAction, RuleMatch } from '../../../kernel/policy.ts';
import type { Reason } from '../decision.ts';
import type { GrantedRule, Grants } from '../grants.ts';
import type { Watch } from '../judgement.ts';
import { factOf, hintOf, type Met, metBy } from './conditions.ts';
import type { StatementFacts } from './facts.ts';

/** A rule whose other conditions hold, and which asks how many rows the planner expects. */
export type Estimate = {
  readonly rule: string;
  readonly policy: string;
  readonly action: Watch['action'];
  readonly over: number;
  /** What else of the statement meets the rule, as a sentence. */
  readonly fact: string;
};

export type RuleVerdict = {
  readonly reasons: readonly Reason[];
  /** Names of the rules that decided, for the record: all but `Allow`. */
  readonly rules: readonly string[];
  readonly watches: readonly Watch[];
  readonly estimates: readonly Estimate[];
  /** The rule that decided, for who asks why; of several policies the strictest. */
  readonly decisive: DecisiveRule | undefined;
};

export type DecisiveRule = {
  readonly rule: string;
  readonly policy: string;
  readonly action: RuleAction;
  readonly fact: string;
};

const COUNTED = [
  ['rowsReturnedOver', 'RowsReturned'],
  ['bytesReturnedOver', 'BytesReturned'],
  ['rowsAffectedOver', 'RowsAffected'],
] as const satisfies readonly (readonly [keyof RuleMatch, Watch['counts']])[];

/** `mode: Audit` lets through what a rule would refuse, and records it. */
const actionIn = (mode: Grants['mode'], action: Rule['action']): Watch['action'] =>
  action === 'Allow' || mode === 'Audit' ? 'Audit' : action;

const reasonOf = ({ rule, policy }: GrantedRule, met: readonly Met[], auditable: boolean): Reason => {
  const failure =
    rule.action === 'RequireApproval'
      ? approvalRequired(rule.name, policy, factOf(met))
      : ruleRefused(rule.name, policy, factOf(met), hintOf(met));
  return { failure, location: 0, auditable };
};

const STRICTNESS: Readonly<Record<RuleAction, number>> = { Deny: 3, RequireApproval: 2, Audit: 1, Allow: 0 };

/**
 * Within a policy the first rule decides whose conditions hold; of several policies each decides, and the strictest counts.
 * A rule that counts rows or bytes, or asks for an estimate, decides later, and those after it are asked as well.
 * `auditable`: may `mode: Audit` let through what is refused?
 */
export const applyRules = (grants: Grants, facts: StatementFacts, auditable: boolean): RuleVerdict => {
  const watches: Watch[] = [];
  const estimates: Estimate[] = [];
  const deciding: { readonly granted: GrantedRule; readonly met: readonly Met[] }[] = [];
  const decided = new Set<string>();
  for (const granted of grants.rules) {
    const { rule, policy } = granted;
    if (decided.has(policy) || rule.action === 'Allow') continue;
    const met = metBy(rule.match, facts);
    if (met === undefined) continue;
    const common = { rule: rule.name, policy, action: actionIn(grants.mode, rule.action) };
    const counted = COUNTED.find(([field]) => rule.match[field] !== undefined);
    if (counted !== undefined) watches.push({ ...common, counts: counted[1], over: rule.match[counted[0]] ?? 0 });
    else if (rule.match.rowsEstimatedOver !== undefined) {
      estimates.push({ ...common, over: rule.match.rowsEstimatedOver, fact: met.length === 0 ? '' : factOf(met) });
    } else {
      decided.add(policy);
      deciding.push({ granted, met });
    }
  }
  deciding.sort((a, b) => STRICTNESS[b.granted.rule.action] - STRICTNESS[a.granted.rule.action]);
  const [first] = deciding;
  const refusing = deciding.filter(({ granted }) => granted.rule.action === 'Deny' || granted.rule.action === 'RequireApproval');
  return {
    reasons: refusing.map(({ granted, met }) => reasonOf(granted, met, auditable)),
    rules: deciding.map(({ granted }) => granted.rule.name),
    watches,
    estimates,
    decisive: first && {
      rule: first.granted.rule.name,
      policy: first.granted.policy,
      action: first.granted.rule.action,
      fact: factOf(first.met),
    },
  };
};
