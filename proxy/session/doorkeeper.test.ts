import { describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import { Doorkeeper, type Visitor } from './doorkeeper.ts';

const keeper = (maxConnections: number, reserve = 0) => {
  const time = { now: 0 };
  const clock = { now: () => new Date(0), monotonic: () => time.now };
  return { time, doorkeeper: new Doorkeeper({ maxConnections, reserve, clock }) };
};
const arrive = (doorkeeper: Doorkeeper, evict: () => void = () => undefined): Visitor => {
  const visitor = doorkeeper.arrive(evict);
  if (visitor instanceof Failure) throw visitor;
  return visitor;
};
const seat = (doorkeeper: Doorkeeper, agent: string): Visitor | undefined => {
  const visitor = arrive(doorkeeper);
  if (visitor.sitDown(agent) === undefined) return visitor;
  visitor.leave();
  return undefined;
};

describe('Doorkeeper', () => {
  it('gives as many sessions as there are, and each again when it is left', () => {
    const { doorkeeper } = keeper(2);
    const first = seat(doorkeeper, 'ann');
    seat(doorkeeper, 'bob');
    const third = arrive(doorkeeper);
    expect(third.sitDown('ann')?.fields).toMatchObject({ severity: 'FATAL', sqlstate: '53300', limit: 'maxConnections' });
    first?.leave();
    first?.leave();
    expect([third.sitDown('ann'), seat(doorkeeper, 'ann')]).toEqual([undefined, undefined]);
  });

  it('turns away whoever comes to a crowded door', () => {
    const { doorkeeper } = keeper(1);
    const waiting = Array.from({ length: 16 }, () => arrive(doorkeeper));
    expect(doorkeeper.arrive(() => undefined)).toBeInstanceOf(Failure);
    waiting[0]?.leave();
    expect(doorkeeper.arrive(() => undefined)).not.toBeInstanceOf(Failure);
  });

  it('sends away from a crowded door whoever has stood there for long', () => {
    const { doorkeeper, time } = keeper(1);
    const evicted: number[] = [];
    for (let each = 0; each < 16; each += 1) {
      arrive(doorkeeper, () => evicted.push(each));
      time.now += 500;
    }
    arrive(doorkeeper);
    arrive(doorkeeper);
    arrive(doorkeeper);
    arrive(doorkeeper);
    arrive(doorkeeper);
    arrive(doorkeeper);
    arrive(doorkeeper);
    expect([evicted, doorkeeper.arrive(() => undefined) instanceof Failure]).toEqual([[0, 1, 2, 3, 4, 5, 6], true]);
  });

  it('keeps the last places from whoever has half of all', () => {
    const { doorkeeper } = keeper(20, 2);
    const taken = Array.from({ length: 30 }, () => seat(doorkeeper, 'runaway')).filter((visitor) => visitor !== undefined);
    expect([taken.length, seat(doorkeeper, 'neighbour') === undefined, seat(doorkeeper, 'runaway') === undefined]).toEqual([
      18,
      false,
      true,
    ]);
    taken[0]?.leave();
    expect([seat(doorkeeper, 'other') === undefined, seat(doorkeeper, 'neighbour') === undefined]).toEqual([false, false]);
    expect(seat(doorkeeper, 'neighbour')).toBe(undefined);
  });
});
