/**
 * Keeps what V8 makes of the bundle: `node DETERMINISTIC scripts/compile-bundle.ts folder`. Always the same bytes for the same bundle: every
 * function is compiled, not those that a run happens to reach, and V8 is told to leave nothing to chance.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { COMPILED, scriptOf } from '../proxy/launch.ts';
import { setStartFlags } from '../proxy/v8-flags.ts';

/** Flags for Node, and how they are taken back: what is compiled bears the flags of the moment, and fits only a process that has the same. */
export const DETERMINISTIC = {
  '--hash-seed=1': '--hash-seed=0',
  '--random-seed=1': '--random-seed=0',
  // Room for everything: what the garbage collector has moved has old bytes in its gaps.
  '--min-semi-space-size=256': '--min-semi-space-size=0',
  '--max-semi-space-size=256': '--max-semi-space-size=0',
} as const;

if (import.meta.main) {
  const [, , folder = ''] = process.argv;
  setStartFlags();
  setFlagsFromString('--no-lazy');
  const script = scriptOf(folder, 'bundle.cjs');
  setFlagsFromString('--lazy');
  for (const flag of Object.values(DETERMINISTIC)) setFlagsFromString(flag);
  writeFileSync(join(folder, COMPILED), script.createCachedData());
}
