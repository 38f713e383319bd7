/**
 * Oracles that read: each way of asking in each way of telling, about each kind of hidden value. Directly they give the value away; through
 * the airlock not a character.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CARRIERS, PLANS } from './carriers.ts';
import { Asking, recover, type Technique } from './oracle.ts';
import { ESTIMATED, PLACES, type Place, POPULAR, type Predicate, PREDICATES } from './predicates.ts';
import { AGENT, CANARY, READING, startWorld, type World } from './world.ts';

/** `INFERENCE=all` asks in every combination; otherwise each place meets each carrier, and a part of the predicates. */
const ALL = process.env['INFERENCE'] === 'all';

const techniqueOf = (place: Place, predicate: Predicate, carrier: (typeof CARRIERS)[number]): Technique => ({
  name: `${place.name}, ${predicate.name}, ${carrier.name}`,
  finds: predicate.finds,
  steps: (guess) => carrier.steps(place, `(${predicate.sql(place.value, guess)})`),
});

describe.each([15, 18] as const)('oracles that read, PostgreSQL %i', (version) => {
  let world: World;
  let direct: Asking;
  let through: Asking;
  beforeAll(async () => {
    world = await startWorld(version, READING);
    direct = new Asking(world.postgres.port, 'postgres');
    through = new Asking(world.proxy.port, AGENT);
  });
  afterAll(async () => {
    direct?.close();
    through?.close();
    await world?.stop();
  });

  it('give the value away without the airlock', { timeout: 300_000 }, async () => {
    const [place] = PLACES as [Place];
    const [like] = PREDICATES as [Predicate];
    const [where] = CARRIERS as [(typeof CARRIERS)[number]];
    const techniques = [
      ...CARRIERS.map((carrier) => techniqueOf(place, like, carrier)),
      ...PREDICATES.map((predicate) => techniqueOf(place, predicate, where)),
      ...PLACES.map((each) => techniqueOf(each, like, where)),
    ];
    const silent: string[] = [];
    for (const technique of techniques) {
      const known = await recover(direct, technique, 2);
      if (known !== CANARY.slice(0, 2)) silent.push(`${technique.name}: "${known}"`);
    }
    expect(silent).toEqual([]);
  });

  it('learn nothing of popular values from the planner', { timeout: 300_000 }, async () => {
    const techniques = POPULAR.flatMap((place) =>
      PREDICATES.filter(({ name }) => ESTIMATED.has(name)).flatMap((predicate) =>
        PLANS.map((carrier) => techniqueOf(place, predicate, carrier)),
      ),
    );
    let telling = 0;
    const talkative: string[] = [];
    for (const technique of techniques) {
      if ((await recover(direct, technique, 1)) === CANARY[0]) telling += 1;
      const known = await recover(through, technique, 2);
      if (known !== '') talkative.push(`${technique.name}: "${known}"`);
    }
    expect(talkative).toEqual([]);
    // In JSON some are told apart by more than one number.
    expect(telling).toBeGreaterThan(techniques.length / 2);
  });

  it('give no character away through it', { timeout: ALL ? 36_000_000 : 900_000 }, async () => {
    const talkative: string[] = [];
    let count = 0;
    for (const place of PLACES)
      for (const [index, carrier] of CARRIERS.entries())
        for (const [number, predicate] of PREDICATES.entries()) {
          if (!ALL && (index + number) % 13 !== PLACES.indexOf(place) % 13 && number !== 0) continue;
          count += 1;
          const known = await recover(through, techniqueOf(place, predicate, carrier), 2);
          // What stands out for another reason, as the letters of a token do, is not the value.
          if (known.startsWith(CANARY.slice(0, 1))) talkative.push(`${place.name}, ${predicate.name}, ${carrier.name}: "${known}"`);
        }
    console.log(`PostgreSQL ${version}: ${count} techniques, ${talkative.length} recover a character`);
    expect(talkative).toEqual([]);
  });
});
