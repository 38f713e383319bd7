/**
 * Runs each test once as it is, and then once for each living mutant that it comes by, in the same process: a mutant takes as long as the
 * tests that meet it, up to the first that fails.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestRunner } from 'vitest';
import type { RunnerTestCase, RunnerTestFile } from 'vitest';

/** What the switches in the mutated files read and write. */
type Switches = {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
  mutantCoverage?: Coverage;
};

type Coverage = { static: Record<string, number>; readonly perTest: Record<string, Record<string, number>> };

/**
 * What became of the mutants. `atLoad`: what stands at a module's top level is done once, before any test, and is not tried.
 * `met`: a test came by them. `slow`: tests that were not repeated; `unrepeatable`: those that fail the second time, without any mutant.
 */
export type Outcome = {
  readonly atLoad: readonly string[];
  readonly met: readonly string[];
  readonly killed: readonly string[];
  readonly slow: readonly string[];
  readonly unrepeatable: readonly string[];
};

const switches = ((globalThis as { __stryker__?: Switches }).__stryker__ ??= {});
const coverage = (switches.mutantCoverage ??= { static: {}, perTest: {} });

const SLOW_MS = Number(process.env.MUTANTS_SLOW_MS ?? 250);

const { MUTANTS_OUTCOMES = '', MUTANTS_ACTIVE } = process.env;

/** What is called while a mutant is tried counts for no test. */
const TRYING = 'a mutant';

// One that takes effect before any test is there from the beginning, and for the whole run.
if (MUTANTS_ACTIVE !== undefined) Object.assign(switches, { activeMutant: MUTANTS_ACTIVE, hitCount: 0, hitLimit: 1_000_000 });

/** Vitest may load this module anew for each file of tests: what those before have found is read back. */
const earlier = readdirSync(MUTANTS_OUTCOMES).map((name) => JSON.parse(readFileSync(join(MUTANTS_OUTCOMES, name), 'utf8')) as Outcome);
const own = join(MUTANTS_OUTCOMES, `${randomUUID()}.json`);

const killed = new Set(earlier.flatMap((outcome) => outcome.killed));
const met = new Set<string>();
const slow: string[] = [];
const unrepeatable: string[] = [];
let atLoad: readonly string[] | undefined;

// Vitest takes a runner by its default export.
export default class MutantRunner extends TestRunner {
  async runTask(test: RunnerTestCase): Promise<void> {
    atLoad ??= Object.keys(coverage.static);
    const body = TestRunner.getTestFn(test);
    if (MUTANTS_ACTIVE !== undefined) {
      await body();
      return;
    }
    switches.currentTestId = test.id;
    try {
      await body();
    } finally {
      switches.currentTestId = undefined;
    }
    const counts = coverage.perTest[test.id] ?? {};
    for (const id of Object.keys(counts)) met.add(id);
    const started = performance.now();
    if (!(await this.#passes(body))) {
      unrepeatable.push(test.fullName);
      return;
    }
    // The first call also compiles what it comes by.
    if (performance.now() - started > SLOW_MS) {
      slow.push(test.fullName);
      return;
    }
    for (const [id, count] of Object.entries(counts)) {
      if (killed.has(id) || !(await this.#fails(body, id, count))) continue;
      killed.add(id);
      // What it left behind would count for the next ones.
      if (!(await this.#passes(body))) throw new Error(`mutant ${id} leaves something behind`);
    }
    await body();
  }

  async #passes(body: () => unknown): Promise<boolean> {
    switches.currentTestId = TRYING;
    try {
      await body();
      return true;
    } catch {
      return false;
    } finally {
      switches.currentTestId = undefined;
    }
  }

  async #fails(body: () => unknown, id: string, count: number): Promise<boolean> {
    Object.assign(switches, { activeMutant: id, hitCount: 0, hitLimit: count * 100 + 1000, currentTestId: TRYING });
    try {
      await body();
      return false;
    } catch {
      return true;
    } finally {
      Object.assign(switches, { activeMutant: undefined, hitCount: undefined, currentTestId: undefined });
    }
  }

  override onAfterRunFiles(files: RunnerTestFile[]): void {
    super.onAfterRunFiles(files);
    if (MUTANTS_ACTIVE !== undefined) return;
    const outcome: Outcome = { atLoad: atLoad ?? [], met: [...met], killed: [...killed], slow, unrepeatable };
    writeFileSync(own, JSON.stringify(outcome));
  }
}
