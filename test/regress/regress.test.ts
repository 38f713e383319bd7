import { join } from 'node:path';
import { expect, it } from 'vitest';
import { outcomeOf } from './outcome.ts';
import { tallyOf } from './report.ts';
import { runRegression } from './run-regression.ts';

it('compares a suite with and without the proxy, and finds nothing that differs', async () => {
  const results = await runRegression({ suite: join(import.meta.dirname, 'small-suite'), version: 18, log: () => {} });
  const found = results.flatMap((compared) => {
    const outcome = outcomeOf(compared);
    return outcome.type === 'Different' ? [[compared.step.file, compared.step.text, outcome.reason.name]] : [];
  });
  expect(found).toEqual([]);
  const { compared, same, unsteady, setUp, psql, notRun } = tallyOf(results);
  expect({ compared, same, unsteady, setUp, psql, notRun }).toEqual({ compared: 33, same: 32, unsteady: 1, setUp: 13, psql: 3, notRun: 0 });
}, 120_000);
