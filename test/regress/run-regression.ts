/**
 * One run: the suite directly, directly once more, and through the proxy, each on a server of its own.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Grammar } from '../../proxy/sql/grammar.ts';
import type { TestPostgres } from '../support/postgres.ts';
import type { PostgresVersion } from '../support/postgres-binaries.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { AGENT, grantEverything } from './grant-everything.ts';
import type { Compared } from './outcome.ts';
import { recordFile, type Step } from './record-suite.ts';
import { startRelay } from './relay.ts';
import { type Replayed, replayFile } from './replay-suite.ts';
import { DATABASE, environmentOf, NameWatch, type Names, SETTLE, startSide } from './side.ts';
import { partsOf, readSuite, type SuiteFile } from './suite.ts';
import { Target } from './target.ts';

export type RegressionOptions = {
  readonly suite: string;
  readonly version: PostgresVersion;
  /** Which files, besides the first. */
  readonly only?: RegExp | undefined;
  /** Into how many parts the suite is cut, which run at the same time on servers of their own. */
  readonly jobs?: number;
  /** A file for every step with its answers, a line of JSON each, as they come. */
  readonly details?: string | undefined;
  readonly log: (line: string) => void;
};

type Files = readonly (readonly Step[])[];
type Answers = readonly (readonly (Replayed | undefined)[])[];

export const runRegression = async (options: RegressionOptions): Promise<readonly Compared[]> => {
  const parts = partsOf(await readSuite(options.suite, options.only), options.jobs ?? 1);
  const results = await Promise.all(parts.map((files, part) => runPart(files, part, options)));
  // What several parts begin with counts once.
  const counted = new Set<string>();
  const all = results.flatMap((compared) => {
    const own = compared.filter(({ step }) => !counted.has(step.file));
    for (const { step } of own) counted.add(step.file);
    return own;
  });
  if (options.details !== undefined) writeLines(options.details, all);
  return all;
};

const runPart = async (suite: readonly SuiteFile[], part: number, options: RegressionOptions): Promise<readonly Compared[]> => {
  const { files, names } = await record(suite, options);
  const details = options.details === undefined || part === 0 ? options.details : `${options.details}.${part}`;
  const [again, through] = await Promise.all([directly(files, options), throughProxy(files, names, { ...options, details })]);
  return files.flatMap((steps, file) =>
    steps.map((step, index) => ({ step, again: again[file]?.[index], through: through[file]?.[index] })),
  );
};

const writeLines = (path: string, values: readonly unknown[], append = false): void => {
  if (!append) writeFileSync(path, '');
  for (const value of values) appendFileSync(path, `${JSON.stringify(value)}\n`);
};

const record = async (
  files: readonly SuiteFile[],
  { suite, version, log }: RegressionOptions,
): Promise<{ readonly files: Files; readonly names: Names }> => {
  const environment = await environmentOf(suite);
  const grammar = new Grammar(version);
  return await onServer(version, async (postgres, watch) => {
    const target = new Target({ port: postgres.port, user: 'postgres', database: DATABASE });
    const recorded: (readonly Step[])[] = [];
    await watch.settled();
    for (const file of files) {
      recorded.push(await recordFile(file, { target, grammar, environment, settled: () => watch.settled() }));
      log(`directly: ${file.name}, ${recorded.at(-1)?.length} steps`);
    }
    await target.close();
    return { files: recorded, names: watch.names };
  });
};

const directly = async (files: Files, { version, log }: RegressionOptions): Promise<Answers> =>
  await onServer(version, async (postgres, watch) => {
    const target = new Target({ port: postgres.port, user: 'postgres', database: DATABASE });
    const answers: (readonly (Replayed | undefined)[])[] = [];
    await watch.settled();
    for (const steps of files) answers.push(await replayFile(steps, { target, settled: () => watch.settled() }));
    await target.close();
    log('directly once more: done');
    return answers;
  });

const onServer = async <Result>(
  version: PostgresVersion,
  work: (postgres: TestPostgres, watch: NameWatch) => Promise<Result>,
): Promise<Result> => {
  const postgres = await startSide(version);
  const watch = new NameWatch(postgres.url('postgres', DATABASE));
  try {
    await watch.start();
    return await work(postgres, watch);
  } finally {
    await watch.stop();
    await postgres.stop('immediate');
  }
};

/** Why the proxy refused the last statement: its log says so. */
const refusalsOf = (proxy: TestProxy): (() => Promise<string | undefined>) => {
  let read = 0;
  return async () => {
    for (let attempt = 0; attempt < 20; attempt++) {
      const lines = proxy.log().slice(read);
      read += lines.length;
      const found = lines.findLast(({ decision }) => decision === 'Deny');
      if (found !== undefined) return JSON.stringify(found['reasons']);
      await setTimeout(3);
    }
    return undefined;
  };
};

const throughProxy = async (files: Files, names: Names, options: RegressionOptions): Promise<Answers> => {
  const { version, log, details } = options;
  const postgres = await startSide(version);
  const relay = await startRelay(postgres.port);
  const folder = await mkdtemp(join(tmpdir(), 'pg-airlock-regress-'));
  await grantEverything(folder, relay.port, names);
  const proxy = await startProxy({ manifests: folder, flags: ['--identity', AGENT], patience: 120_000 });
  const target = new Target({ port: proxy.port, user: AGENT, database: DATABASE, relay });
  const beside = new Target({ port: proxy.port, user: AGENT, database: DATABASE });
  const settled = async (): Promise<void> => {
    const { error } = await beside.run(SETTLE, () => '');
    if (error !== undefined) throw new Error(`the catalog could not be made known: ${JSON.stringify(error)}`);
  };
  try {
    await beside.connect();
    await settled();
    const refusal = refusalsOf(proxy);
    const answers: (readonly (Replayed | undefined)[])[] = [];
    for (const [file, steps] of files.entries()) {
      const some = await replayFile(steps, { target, settled, refusal });
      answers.push(some);
      if (details !== undefined)
        writeLines(
          details,
          some.map((through, index) => ({ step: steps[index], through })),
          file > 0,
        );
      log(`through the proxy: ${steps[0]?.file ?? 'nothing'}`);
    }
    return answers;
  } finally {
    await target.close();
    await beside.close();
    await proxy.stop();
    await relay.stop();
    await postgres.stop('immediate');
    await rm(folder, { recursive: true, force: true });
  }
};
