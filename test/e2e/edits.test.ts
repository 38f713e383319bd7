import { beforeAll, describe, expect, it } from 'vitest';
import { AGENTS, apply, kubectlDone, psql, startAgent } from './environment.ts';
import { type LiveSession, openSession } from './live-session.ts';
import { installed } from './release.ts';
import { policy } from './shop.ts';

const PODS = ['first', 'second', 'third'] as const;
const EDITS = 10;
/** The word: an edit is in force on live sessions within two seconds. */
const LIMIT_MS = 2000;

describe('an edit of a policy', () => {
  const sessions: LiveSession[] = [];
  beforeAll(async () => {
    await installed();
    await Promise.all(PODS.map((pod) => startAgent(pod)));
    for (const pod of PODS) sessions.push(await openSession(pod));
  });

  it('is in force on live sessions of all pods in two seconds', async () => {
    const took: number[] = [];
    for (let edit = 0; edit < EDITS; edit++) {
      const shown = edit % 2 === 0;
      const since = performance.now();
      await apply([policy(shown ? ['phone'] : [])]);
      const inForce = async (session: LiveSession): Promise<void> => {
        for (;;) {
          const { error } = await session.run('SELECT phone FROM customers WHERE id = 1');
          if ((error === undefined) === shown) break;
        }
        took.push(performance.now() - since);
      };
      await Promise.all(sessions.map(inForce));
    }
    took.sort((a, b) => a - b);
    const at = (share: number): number => Math.round(took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0);
    console.log(`    from the start of kubectl apply to in force, ${took.length} times: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
    expect(at(0.5)).toBeLessThan(LIMIT_MS);
  });

  it('that removes it ends the sessions, and another lets new ones in', async () => {
    await kubectlDone(['delete', 'dap', 'reporting', '-n', AGENTS]);
    for (const session of sessions) expect(await session.lost()).toMatch(/FATAL|terminat|closed/i);
    expect((await psql('first', 'SELECT 1')).code).not.toBe(0);
    await installed();
    await kubectlDone(['wait', '--for=condition=Ready', 'pod/first', '-n', AGENTS, '--timeout=60s']);
    expect((await psql('first', 'SELECT count(*) FROM orders')).stdout).toBe('24');
  });

  it('and so does the loss of the label that makes a pod an agent', async () => {
    const session = await openSession('second');
    await kubectlDone(['label', 'pod', 'second', '-n', AGENTS, 'pg-airlock.dev/agent-']);
    expect(await session.lost()).toMatch(/FATAL|terminat|closed/i);
    expect((await psql('second', 'SELECT 1')).code).not.toBe(0);
    await kubectlDone(['delete', 'pod', ...PODS, '-n', AGENTS]);
  });
});
