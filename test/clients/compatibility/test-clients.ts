/**
 * Tests clients through the airlock and with its twin, and holds what came of it to the committed results: things start here with
 * `testClients`. COMPATIBILITY=write, as `make compatibility` sets it, writes the results anew.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { POSTGRES_VERSIONS } from '../../support/postgres-binaries.ts';
import type { Client } from './client.ts';
import { CANARY } from './market-data.ts';
import { type Market, type MarketOptions, startMarket } from './market.ts';
import { runSession, type Session, type Told } from './session.ts';
import { type ClientResult, type Outcome, STEPS, type Step } from './steps.ts';

const MINUTE = 60_000;
/** The results are those of 18, and have to be the same with others. */
const VERSION = POSTGRES_VERSIONS.find((version) => String(version) === process.env['PG']) ?? 18;

const masked = [7, '***7', null];
/** What these steps tell is fixed. */
const FIXED: Readonly<Partial<Record<Step, object>>> = {
  cancel: { sqlstate: '57014', after: 1 },
  transact: { committed: 1, rolledBack: 0, aborted: '25P02', savepoint: 1 },
};
const HINT =
  'Relations that may be read: public.customers, public.orders, public.order_tags, public.samples, public.readings, public."Odd Names", ';

const outcomeOf = (client: Client, step: Step, through: Told, direct: Told): Outcome => {
  if ('none' in through || 'none' in direct) {
    expect({ step, ...through }).toEqual({ step, ...direct });
    return through as { readonly none: string };
  }
  if (step === 'refused') {
    expect(direct.result).toEqual({ sqlstate: 'none', after: 1 });
    expect(through.result).toEqual({
      sqlstate: '42501',
      message: expect.stringContaining('permission denied for relation "secrets"'),
      hint: client.withoutHints === true ? null : expect.stringContaining(HINT),
      after: 1,
    });
    return 'same';
  }
  if (step === 'masked') {
    expect([
      { text: masked, binary: masked },
      { text: masked, binary: null },
    ]).toContainEqual(through.result);
  }
  const fixed = FIXED[step];
  if (fixed !== undefined) expect({ step, told: direct.result }).toEqual({ step, told: fixed });
  const differs = client.differs?.[step];
  if (differs === undefined) {
    expect({ step, told: through.result }).toEqual({ step, told: direct.result });
    return 'same';
  }
  expect({ step, told: through.result }).not.toEqual({ step, told: direct.result });
  return { differs };
};

const resultOf = (client: Client, through: Session, direct: Session): ClientResult => {
  expect(through.output).not.toContain(CANARY);
  const outcomes = STEPS.map((step) => [step, outcomeOf(client, step, through.steps[step], direct.steps[step])] as const);
  return { client: through.client, version: through.version, postgres: 18, steps: Object.fromEntries(outcomes) as Record<Step, Outcome> };
};

/** One test a client; one that this machine cannot run is skipped, with the reason. */
export const testClients = (clients: readonly Client[], options: MarketOptions = {}): void => {
  describe(`clients, PostgreSQL ${VERSION}`, () => {
    let market: Market | undefined;
    const start = (): Promise<Market> => startMarket({ version: VERSION, ...options });
    const commands = new Map<Client, Awaited<ReturnType<Client['ready']>>>();
    // What they need is installed here, once on a machine, and that may take minutes.
    beforeAll(async () => {
      for (const client of clients) commands.set(client, await client.ready());
    });
    afterAll(() => market?.stop());

    it.for(clients)('$name fares as without the airlock', { timeout: 5 * MINUTE }, async (client, context) => {
      const command = commands.get(client) ?? 'nobody looked';
      if (typeof command === 'string') {
        process.stderr.write(`\nNOT RUN: ${client.name}: ${command}\n`);
        return context.skip(command);
      }
      market ??= await start();
      await market.reset();
      const [through, direct] = await Promise.all([
        runSession(client, command(market.through)),
        runSession(client, command(market.direct)),
      ]);
      const result = resultOf(client, through, direct);
      const file = join(import.meta.dirname, 'results', `${client.id}.json`);
      if (process.env['COMPATIBILITY'] === 'write' && VERSION === 18) writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
      if (!existsSync(file)) throw new Error(`${file} is not there: make compatibility`);
      const { version, ...committed } = JSON.parse(readFileSync(file, 'utf8')) as ClientResult;
      expect(result, 'the table says otherwise: make compatibility').toEqual({
        ...committed,
        version: client.machinesOwn === true ? result.version : version,
      });
    });
  });
};
