import { describe, expect, it } from 'vitest';
import type { Kube } from '../kube/kube.ts';
import { authenticator } from './authenticate.ts';

const clock = { now: () => new Date(), monotonic: () => performance.now() };
const tokenOf = (uid: string, more = ''): string => {
  const claims = { aud: ['pg-airlock.dev'], exp: Date.now() / 1000 + 600, 'kubernetes.io': { pod: { uid } }, more };
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`;
};

/** An API server that has not answered any TokenReview yet. */
const asking = () => {
  const answers: (() => void)[] = [];
  const kube = {
    request: () => new Promise((resolve) => answers.push(() => resolve({ status: { authenticated: false } }))),
  } as unknown as Kube;
  const authenticate = authenticator(kube, clock, (uid, address) => address === `10.0.0.${uid}`);
  return { answers, ask: (token: string, address: string) => authenticate(token, true, address) };
};

describe('authenticator()', () => {
  it('keeps a place for each agent, however many made-up tokens are shown elsewhere', async () => {
    const { answers, ask } = asking();
    // They may name the agent: they come from where it is not.
    const flood = Array.from({ length: 500 }, (_, index) => ask(tokenOf('7', `${index}`), `10.1.0.${index % 100}`));
    const own = ask(tokenOf('7'), '10.0.0.7');
    expect(answers).toHaveLength(129);
    for (const answer of answers) answer();
    expect((await own).type).toBe('Unauthorized');
    const outcomes = (await Promise.all(flood)).map(({ type }) => type);
    expect(outcomes.filter((type) => type === 'Unavailable')).toHaveLength(500 - 128);
  });

  it('lets no agent take more than its own place, and gives it back', async () => {
    const { answers, ask } = asking();
    const asked = Array.from({ length: 50 }, (_, index) => ask(tokenOf('7', `${index}`), '10.0.0.7'));
    expect(answers).toHaveLength(2);
    for (const answer of answers.splice(0)) answer();
    await Promise.all(asked);
    void ask(tokenOf('7', 'again'), '10.0.0.7');
    expect(answers).toHaveLength(1);
  });

  it('asks about nothing that does not even say that it is for us, or valid', async () => {
    const { answers, ask } = asking();
    const claims = (value: object): string => `e30.${Buffer.from(JSON.stringify(value)).toString('base64url')}.sig`;
    const told = await Promise.all(
      ['', 'a.b.c', claims({ aud: 'other', exp: 9e9 }), claims({ aud: 'pg-airlock.dev', exp: 1 }), 'x'.repeat(10_000)].map((token) =>
        ask(token, ''),
      ),
    );
    expect([told.map(({ type }) => type), answers.length]).toEqual([Array(5).fill('Unauthorized'), 0]);
  });
});
