/**
 * Which password opens an agent's door.
 */
import type { AccessPolicy, SecretBytes } from '../../kernel/policy.ts';

/**
 * The agent's password; undefined for an agent that no policy names or that has none. An agent of several policies is one agent,
 * so differing passwords leave it without one: which of them counts must not depend on the order of files.
 * Policies count whether they are in force or not, for an agent whose time is over is told so and not "wrong password".
 */
export const agentPassword = (policies: readonly AccessPolicy[], name: string): SecretBytes | undefined => {
  const passwords = policies
    .flatMap((policy) => policy.agents)
    .filter((subject) => subject.agent === name)
    .flatMap(({ password }) => (password === undefined || password.length === 0 ? [] : [password]));
  const [first] = passwords;
  return first !== undefined && passwords.every((other) => Buffer.compare(first, other) === 0) ? first : undefined;
};
