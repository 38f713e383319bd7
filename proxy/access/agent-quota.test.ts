import { describe, expect, it } from 'vitest';
import { type Limits, NO_LIMITS } from '../../kernel/policy.ts';
import { AgentQuota } from './agent-quota.ts';

const quota = (limits: Partial<Limits>) => {
  const time = { now: 0 };
  const clock = { now: () => new Date(0), monotonic: () => time.now };
  return { time, quota: new AgentQuota(() => ({ ...NO_LIMITS, ...limits }), clock) };
};

describe('AgentQuota', () => {
  it('lets as many sessions in as the policy says, and one more when one has left', () => {
    const { quota: held } = quota({ sessions: 2 });
    expect([held.enter(), held.enter(), held.enter()?.fields.sqlstate]).toEqual([undefined, undefined, '53300']);
    held.leave();
    expect([held.enter(), held.sessions]).toEqual([undefined, 2]);
  });

  it('lets everything in where the policy says nothing', () => {
    const { quota: held } = quota({});
    expect(Array.from({ length: 1000 }, () => held.admit() ?? held.enter()).every((answer) => answer === undefined)).toBe(true);
  });

  it("admits a minute's worth of statements at once, and then as many as time brings", () => {
    const { quota: held, time } = quota({ statementsPerMinute: 60 });
    const burst = Array.from({ length: 61 }, () => held.admit()?.fields.sqlstate);
    expect(burst).toEqual([...Array.from({ length: 60 }, () => undefined), '53400']);
    time.now += 2000;
    expect([held.admit(), held.admit(), held.admit()?.fields.sqlstate]).toEqual([undefined, undefined, '53400']);
    time.now += 3_600_000;
    expect(Array.from({ length: 61 }, () => held.admit()).filter((answer) => answer === undefined)).toHaveLength(60);
  });
});
