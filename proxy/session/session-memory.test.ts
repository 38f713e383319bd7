import { describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import { sessionWaiting } from '../../kernel/limit-failure.ts';
import { type Limits, NO_LIMITS } from '../../kernel/policy.ts';
import { MemoryPool, SessionMemory } from './session-memory.ts';

const session = (pool: MemoryPool, limits: Partial<Limits> = {}, most = 1_000_000) => {
  const held = { remembered: 0, unread: 0, passing: 0 };
  const memory = new SessionMemory({
    limits: () => ({ ...NO_LIMITS, ...limits }),
    most,
    pool,
    remembered: () => held.remembered,
    unread: () => held.unread,
    passing: () => held.passing,
  });
  return { held, memory };
};
const detailOf = (failure: Failure | undefined): string | undefined => /take (\d+) bytes/.exec(failure?.fields.detail ?? '')?.[1];

describe('SessionMemory', () => {
  it('refuses what is over the smaller of the policy and the process', () => {
    const pool = new MemoryPool(10_000_000);
    const [policed, bare] = [session(pool, { memoryPerSession: 500 }), session(pool, { memoryPerSession: 5_000_000 })];
    policed.held.remembered = 500;
    bare.held.remembered = 1_000_000;
    expect([policed.memory.full(), bare.memory.full()]).toEqual([undefined, undefined]);
    policed.held.remembered = 501;
    bare.held.remembered = 1_000_001;
    expect([detailOf(policed.memory.full()), detailOf(bare.memory.full())]).toEqual(['500', '1000000']);
  });

  it('refuses whoever has more than an equal part of a pool that is used up, and nobody else', () => {
    const pool = new MemoryPool(1_000_000);
    const [greedy, other, modest] = [session(pool), session(pool), session(pool)];
    modest.held.remembered = 1000;
    expect(modest.memory.full()).toBe(undefined);
    for (const { held, memory } of [greedy, other]) {
      held.remembered = 600_000;
      memory.full();
    }
    expect([greedy, other, modest].map(({ memory }) => detailOf(memory.full()))).toEqual(['333333', '333333', undefined]);
    other.memory.leave();
    expect(greedy.memory.full()).toBe(undefined);
  });

  it('notes nothing for a session that is over', () => {
    const pool = new MemoryPool(1_000_000);
    const [gone, other] = [session(pool), session(pool), session(pool)];
    gone.memory.leave();
    gone.held.remembered = 600_000;
    gone.memory.full();
    other.held.remembered = 600_000;
    expect(other.memory.full()).toBe(undefined);
  });

  it('ends the session for a message that cannot be held, and for none that came at once', () => {
    const { held, memory } = session(new MemoryPool(1_000_000), { memoryPerSession: 100_000 });
    held.remembered = 200_000;
    held.unread = 65_536;
    expect(() => memory.check()).not.toThrow();
    held.unread = 65_537;
    expect(() => memory.check()).toThrow(Failure);
  });

  it('ends the session that has the most on its way where all together have too much, and counts what has gone no more', () => {
    const pool = new MemoryPool(1_000_000);
    const [slow, other, quick] = [session(pool), session(pool), session(pool)];
    for (const { held, memory } of [slow, other]) {
      held.passing = 500_000;
      memory.pass();
    }
    quick.held.passing = 65_536;
    slow.held.passing = 500_001;
    expect(() => quick.memory.pass()).not.toThrow();
    expect(() => slow.memory.pass()).toThrow(sessionWaiting(333_333));
    slow.held.passing = 0;
    slow.memory.note();
    expect(() => other.memory.pass()).not.toThrow();
    expect(slow.memory.full()).toBe(undefined);
  });
});
