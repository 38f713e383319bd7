import { describe, expect, it } from 'vitest';
import type { AccessPolicy } from '../../kernel/policy.ts';
import { agentPassword } from './agent-directory.ts';

const policy = (agents: Readonly<Record<string, string | undefined>>): AccessPolicy =>
  ({
    agents: Object.entries(agents).map(([agent, password]) => ({
      agent,
      password: password === undefined ? undefined : Buffer.from(password),
    })),
  }) as unknown as AccessPolicy;

describe('agentPassword()', () => {
  it.each([
    ['finds the password of an agent', [policy({ ada: 'a', bob: 'b' })], 'a'],
    ['takes equal passwords in several policies as one', [policy({ ada: 'a' }), policy({ ada: 'a' })], 'a'],
    ['takes the one password where another policy states none', [policy({ ada: undefined }), policy({ ada: 'a' })], 'a'],
    ['finds none where policies disagree', [policy({ ada: 'a' }), policy({ ada: 'b' })], undefined],
    ['finds none for an agent without a password', [policy({ ada: undefined })], undefined],
    ['does not take an empty password for one', [policy({ ada: '' })], undefined],
    ['finds none for an agent that nobody names', [policy({ bob: 'b' })], undefined],
    ['does not fold case', [policy({ Ada: 'a' })], undefined],
  ] as const)('%s', (_name, policies, expected) => {
    const password = agentPassword(policies, 'ada');
    expect(password === undefined ? undefined : Buffer.from(password).toString()).toBe(expected);
  });
});
