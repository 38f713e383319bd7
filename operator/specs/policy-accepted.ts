/**
 * Whether a policy can be enforced as it stands.
 */
import type { Finding } from './condition.ts';
import type { ParsedPolicy } from './parsed-policy.ts';
import { NOT_VERIFIED } from './verified-server.ts';
import { type DatabaseNames, nameProblems } from './policy-names.ts';

export type AcceptedInput = {
  readonly parsed: ParsedPolicy;
  readonly connectionExists: boolean;
  /** Why no agent is given the connection. */
  readonly keptFromAgents: string | undefined;
  /** What the database has of what the policies name; undefined: it was not asked, and `notAsked` says why. */
  readonly names: DatabaseNames | undefined;
  readonly notAsked: string;
  /** Secrets with keys of masks that nobody could read. */
  readonly unreadSecrets: readonly string[];
  readonly now: Date;
};

/** Of several problems; the rest is seen once these are put right. */
const MOST_TOLD = 8;

const told = (messages: readonly (() => string)[]): string =>
  [
    ...messages.slice(0, MOST_TOLD).map((message) => message()),
    ...(messages.length > MOST_TOLD ? [`And ${messages.length - MOST_TOLD} more.`] : []),
  ].join(' ');

const toldTexts = (messages: readonly string[]): string => told(messages.map((message) => () => message));

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/** The condition. */
export const policyAccepted = (input: AcceptedInput): Finding<'Accepted'> => {
  const { parsed, names, now } = input;
  const finding = (status: Finding['status'], reason: string, message: string): Finding<'Accepted'> => ({
    type: 'Accepted',
    status,
    reason,
    message,
  });
  const { policy } = parsed;
  if (policy === undefined) return finding('False', 'Invalid', toldTexts(parsed.problems));
  if (parsed.connectionProblem !== undefined) {
    return finding('False', input.connectionExists ? 'NamespaceNotAllowed' : 'ConnectionNotFound', parsed.connectionProblem);
  }
  if (input.keptFromAgents !== undefined) return finding('False', NOT_VERIFIED, input.keptFromAgents);
  if (parsed.problems.length > 0) return finding('False', 'Invalid', toldTexts(parsed.problems));
  if (policy.notAfter !== undefined && policy.notAfter <= now) {
    const message = `The policy ended at ${policy.notAfter.toISOString()}. Set spec.validity.notAfter to a later time, or delete the policy.`;
    return finding('False', 'Expired', message);
  }
  if (names !== undefined) {
    const problems = nameProblems(policy, names);
    const [first] = problems;
    if (first !== undefined)
      return finding(
        'False',
        first.reason,
        told(
          problems.map(
            ({ message }) =>
              () =>
                capital(message()),
          ),
        ),
      );
  }
  if (input.unreadSecrets.length > 0) {
    const secrets = input.unreadSecrets.map((name) => `"${name}"`).join(', ');
    return finding('Unknown', 'SecretNotRead', `The operator may not read Secret ${secrets}, or the API server did not answer.`);
  }
  const warnings = parsed.warnings.length === 0 ? '' : ` ${toldTexts(parsed.warnings)}`;
  if (names === undefined) return finding('True', 'DatabaseNotAsked', `The policy is well formed. ${input.notAsked}${warnings}`);
  return finding('True', 'Accepted', `The database has what the policy names.${warnings}`);
};
