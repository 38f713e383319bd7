import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createWorkQueue, type WorkQueueOptions } from './work-queue.ts';

const queueOf = (reconcile: WorkQueueOptions['reconcile'], options: Partial<WorkQueueOptions> = {}) =>
  createWorkQueue({ name: 'test', reconcile, log: pino({ level: 'silent' }), backoff: { firstMs: 1, mostMs: 8 }, ...options });

/** Resolves when `condition` holds. */
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await pause(1);
};

describe('createWorkQueue()', () => {
  it('works on a key once, however often it was added while it waited', async () => {
    const worked: string[] = [];
    const queue = queueOf(async (key) => void worked.push(key));
    for (const key of ['a', 'b', 'a', 'a', 'b']) queue.add(key);
    await until(() => worked.length >= 2);
    await queue.stop(0);
    expect(worked).toEqual(['a', 'b']);
  });

  it('never has two workers on one key, and goes round once more for what came meanwhile', async () => {
    const running = new Map<string, number>();
    let most = 0;
    let rounds = 0;
    const queue = queueOf(async (key) => {
      running.set(key, (running.get(key) ?? 0) + 1);
      most = Math.max(most, running.get(key) ?? 0);
      rounds += 1;
      if (rounds === 1) for (let again = 0; again < 5; again += 1) queue.add(key);
      await pause(2);
      running.set(key, (running.get(key) ?? 0) - 1);
    });
    queue.add('a');
    await until(() => rounds === 2 && running.get('a') === 0);
    await pause(10);
    await queue.stop(0);
    expect({ most, rounds }).toEqual({ most: 1, rounds: 2 });
  });

  it('works on so many keys at a time, and no more', async () => {
    let running = 0;
    let most = 0;
    let done = 0;
    const queue = queueOf(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await pause(2);
        running -= 1;
        done += 1;
      },
      { concurrency: 3 },
    );
    for (let key = 0; key < 20; key += 1) queue.add(String(key));
    await until(() => done === 20);
    expect(most).toBe(3);
  });

  it('waits ever longer for a key that fails, and forgets that once it succeeds', async () => {
    const { log, waits } = loggedWaits();
    let attempts = 0;
    const queue = queueOf(
      async () => {
        attempts += 1;
        if (attempts !== 6) throw new Error('not yet');
      },
      { log, random: () => 0 },
    );
    queue.add('a');
    await until(() => attempts === 6);
    queue.add('a');
    await until(() => waits.length === 6);
    await queue.stop(0);
    expect(waits).toEqual([1, 1, 2, 4, 4, 1]);
  });

  it('takes a key that failed at once when it is added again', async () => {
    let attempts = 0;
    const queue = queueOf(
      async () => {
        attempts += 1;
        throw new Error('no');
      },
      { backoff: { firstMs: 3_600_000, mostMs: 3_600_000 } },
    );
    queue.add('a');
    await until(() => attempts === 1);
    await pause(5);
    queue.add('a');
    await pause(5);
    await queue.stop(0);
    expect(attempts).toBe(2);
  });

  it('looks again when the work asks for it, and the earlier of two times counts', async () => {
    const worked: string[] = [];
    const queue = queueOf(async (key) => {
      worked.push(key);
      return worked.length === 1 ? { againAfterMs: 1 } : undefined;
    });
    queue.addAfter('a', 3_600_000);
    queue.addAfter('a', 1);
    queue.addAfter('a', 3_600_000);
    await until(() => worked.length === 2);
    await queue.stop(0);
    expect(worked).toEqual(['a', 'a']);
  });

  it('begins nothing more once it is stopped, and waits for what runs', async () => {
    const events: string[] = [];
    const queue = queueOf(
      async (key) => {
        events.push(`begin ${key}`);
        await pause(10);
        queue.add(key);
        events.push(`end ${key}`);
      },
      { concurrency: 1 },
    );
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 1);
    await until(() => events.length === 1);
    await queue.stop(60_000);
    await pause(10);
    expect(events).toEqual(['begin a', 'end a']);
  });

  it('does not wait for ever for work that does not end', async () => {
    const queue = queueOf(() => new Promise(() => undefined));
    queue.add('a');
    await pause(2);
    expect(await queue.stop(0)).toBeUndefined();
  });

  it('tells what runs to give up when its patience is over', async () => {
    let told = false;
    const queue = queueOf(async (_, signal) => {
      await pause(3_600_000, undefined, { signal }).catch(() => {
        told = true;
      });
    });
    queue.add('a');
    await pause(2);
    await queue.stop(1);
    expect(told).toBe(true);
  });
});

const loggedWaits = () => {
  const waits: number[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void waits.push(JSON.parse(line).againInMs) });
  return { log, waits };
};
