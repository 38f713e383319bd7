import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Makes much that lives for a moment, turn after turn, and prints the most bytes that V8 had for it. */
const BURST = `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { boundYoungGeneration } from ${JSON.stringify(join(import.meta.dirname, 'young-generation.ts'))};
  if (process.argv.includes('bounded')) boundYoungGeneration();
  let most = 0;
  let alive = [];
  for (let turn = 0; turn < 400; turn += 1) {
    alive = [...alive.slice(-40), Array.from({ length: 10_000 }, (_, number) => ({ number, text: 'x' + number }))];
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size);
  }
  process.stdout.write(String(most));`;

const youngBytes = (...words: readonly string[]): number =>
  Number(spawnSync(process.execPath, ['--input-type=module', '-e', BURST, '--', ...words], { encoding: 'utf8' }).stdout);

describe('boundYoungGeneration()', () => {
  it('keeps V8 from taking ever more for what lives for a moment', () => {
    const mebibytes = [youngBytes() / 1024 ** 2, youngBytes('bounded') / 1024 ** 2];
    expect(mebibytes.map((each) => (each > 64 ? 'above 64' : each > 0 && each <= 33 ? 'up to 32' : each))).toEqual([
      'above 64',
      'up to 32',
    ]);
  });
});
