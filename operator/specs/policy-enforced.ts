/**
 * Whether a policy is in force where it should be.
 */
import type { Finding } from './condition.ts';
import { NOT_VERIFIED } from './verified-server.ts';

export type EnforcedInput = {
  readonly accepted: Finding<'Accepted'>;
  readonly notBefore: Date | undefined;
  readonly now: Date;
  /** Live pods of agents that the policy selects and that name its connection. */
  readonly agents: number;
  /** Of these, those that report this generation of it in force. */
  readonly pods: number;
  readonly mode: 'Enforce' | 'Audit';
};

/** The condition. */
export const policyEnforced = ({ accepted, notBefore, now, agents, pods, mode }: EnforcedInput): Finding<'Enforced'> => {
  const finding = (status: Finding['status'], reason: string, message: string): Finding<'Enforced'> => ({
    type: 'Enforced',
    status,
    reason,
    message,
  });
  if (accepted.reason === 'Expired') return finding('False', 'Expired', 'The policy has ended, and is in force nowhere.');
  // Names that are not there keep nobody from enforcing the rest; what is not well formed is sent to no pod.
  if (accepted.status === 'False' && NOT_SENT.has(accepted.reason)) {
    return finding('False', 'NotAccepted', 'The policy is in force nowhere until it is accepted: condition Accepted says what is wrong.');
  }
  if (notBefore !== undefined && now < notBefore) {
    return finding('False', 'NotYetValid', `The policy is in force from ${notBefore.toISOString()} on.`);
  }
  if (agents === 0) {
    return finding(
      'True',
      'NoAgents',
      'No pod of an agent is selected at present: label it pg-airlock.dev/agent=true, and let spec.subjects match it.',
    );
  }
  const audit = mode === 'Audit' ? ' Mode Audit lets through, and records, what it does not allow.' : '';
  if (pods >= agents)
    return finding(
      'True',
      'InForce',
      `The policy is in force in ${agents === 1 ? 'the pod' : `all ${agents} pods`} that it selects.${audit}`,
    );
  return finding(
    'False',
    'NotYetEverywhere',
    `The policy is in force in ${pods} of ${agents} pods that it selects. The others wait for their sidecars.${audit}`,
  );
};

const NOT_SENT: ReadonlySet<string> = new Set(['Invalid', 'ConnectionNotFound', 'NamespaceNotAllowed', NOT_VERIFIED]);
