/** Checks of detectors: those whose action is not what happens. */
import { DETECTOR_ACTIONS, type AccessPolicy, type Detector } from '../kernel/policy.ts';
import { type Check, type Finding, inPolicy } from './lint-finding.ts';

const share = (one: AccessPolicy, other: AccessPolicy): boolean =>
  one.connection === other.connection && one.agents.some(({ agent }) => other.agents.some((subject) => subject.agent === agent));

const isStricter = (one: Detector, other: Detector): boolean =>
  one.kind === other.kind && DETECTOR_ACTIONS.indexOf(one.action) > DETECTOR_ACTIONS.indexOf(other.action);

/** Why something else happens than the detector says; undefined: it does not. */
const complaint = (detector: Detector, policy: AccessPolicy, policies: readonly AccessPolicy[]): string | undefined => {
  const { kind, action } = detector;
  const stricter = policies.find(
    (other) => other !== policy && share(policy, other) && other.detect.some((one) => isStricter(one, detector)),
  );
  if (stricter !== undefined) return `${kind} with ${action} has no effect where ${stricter.key} is in force too, which is stricter`;
  const audits = policy.mode === 'Audit' && policies.every((other) => !share(policy, other) || other.mode === 'Audit');
  return audits && action === 'Block' ? `${kind} with Block only reports in mode Audit` : undefined;
};

/** Detectors that do less, or more, than they say. */
export const mildDetectors: Check = ({ bundle }) =>
  bundle.policies.flatMap((policy) =>
    policy.detect.flatMap((detector, index): Finding[] => {
      const message = complaint(detector, policy, bundle.policies);
      if (message === undefined) return [];
      const remedy = 'Say what is meant to happen in both, or choose Mask, which holds in every mode.';
      return [inPolicy('mild-detector', policy, { severity: 'Warning', path: ['spec', 'detect', index, 'action'], message, remedy })];
    }),
  );
