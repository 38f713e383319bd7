/**
 * What each stage of a statement costs, measured in this process: no sockets, no other process, one stage at a time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shuttingDown } from '../kernel/failure.ts';
import type { StatementDecided } from '../kernel/audit-record.ts';
import type { Bundle } from '../kernel/policy.ts';
import { ConnectionRuntime } from '../proxy/access/connection-runtime.ts';
import { openAuditStore } from '../proxy/audit/audit-store.ts';
import type { JudgeContext } from '../proxy/judge/judge-context.ts';
import { judgeText } from '../proxy/judge/judge-text.ts';
import { loadManifests } from '../proxy/manifests/load-manifests.ts';
import type { SessionState } from '../proxy/policy/judgement.ts';
import { analyze } from '../proxy/sql/analyze.ts';
import { readTokens } from '../proxy/sql/tokens.ts';
import { ClientFrames } from '../proxy/wire/client-frames.ts';
import { decodeFrontend } from '../proxy/wire/frontend-message.ts';
import { send } from '../test/support/raw-client.ts';
import { AGENT, writeManifests } from './database.ts';
import { quantile } from './statistics.ts';

/** A stage and the microseconds it takes: median and 95th percentile. */
export type StageCost = { readonly stage: string; readonly p50: number; readonly p95: number };

const SHORT = 'SELECT abalance FROM pgbench_accounts WHERE aid = 4711';

const clock = { now: () => new Date(), monotonic: () => performance.now() };

/** Times `act` so often that V8 has optimised it; only the second half counts. */
const cost = async (stage: string, times: number, act: (turn: number) => unknown): Promise<StageCost> => {
  const taken: number[] = [];
  for (let turn = 0; turn < times; turn += 1) {
    const began = performance.now();
    const result = act(turn);
    if (result instanceof Promise) await result;
    taken.push((performance.now() - began) * 1_000);
  }
  const sorted = taken.slice(times / 2).toSorted((a, b) => a - b);
  return { stage, p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95) };
};

const bundleOf = async (port: number): Promise<Bundle> => {
  const folder = await writeManifests(port, 'Fsync');
  try {
    const { bundle, problems } = await loadManifests(folder);
    if (bundle === undefined) throw new Error(JSON.stringify(problems));
    return bundle;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const state: SessionState = { searchPath: ['public'], prepared: () => undefined, cursor: () => undefined };

const decodingCosts = async (): Promise<readonly StageCost[]> => {
  const extended = Buffer.concat([send.bind('', 'p1', ['4711']), send.describe('P'), send.execute(), send.sync()]);
  return [
    await cost('decode Bind, Describe, Execute, Sync', 20_000, () => {
      const frames = new ClientFrames();
      frames.push(extended);
      for (let frame = frames.next(); frame !== undefined; frame = frames.next()) decodeFrontend(frame);
    }),
  ];
};

const judgingCosts = async (name: string, textOf: (turn: number) => string, context: JudgeContext): Promise<readonly StageCost[]> => {
  const times = 2_000;
  const text = textOf(1);
  const bytes = Buffer.from(text);
  const { grammar } = context;
  const [parsed] = grammar.parse(text);
  if (parsed === undefined) throw new Error('nothing was parsed');
  return [
    await cost(`${name}: scan`, times, () => readTokens(bytes)),
    await cost(`${name}: parse`, times, async () => {
      while (!grammar.ready) await grammar.load();
      return grammar.parse(text);
    }),
    await cost(`${name}: analyze`, times, () => analyze(parsed, bytes)),
    await cost(`${name}: judge, never seen (all of it, with the second parse)`, times, (turn) =>
      judgeText(Buffer.from(textOf(turn)), 'Query', state, context),
    ),
  ];
};

const recordOf = (sql: string): StatementDecided => ({
  type: 'decision',
  session: '0123456789abcdef0123456789abcdef',
  agent: AGENT,
  connection: 'default/bench',
  statement: 1,
  via: 'Query',
  decision: 'Allow',
  kinds: ['Select'],
  reasons: [],
  policies: ['default/bench'],
  revision: '0123456789abcdef.1.default/bench',
  sql,
  relations: ['public.pgbench_accounts'],
  masked: ['public.pgbench_accounts.filler'],
  filtered: [],
});

const auditCosts = async (): Promise<readonly StageCost[]> => {
  const costs: StageCost[] = [];
  for (const durability of ['Write', 'Fsync'] as const) {
    const directory = await mkdtemp(join(tmpdir(), 'pg-airlock-bench-stages-'));
    const store = await openAuditStore({ directory, durability: () => durability, clock });
    const record = recordOf(SHORT);
    costs.push(await cost(`audit: one record, ${durability}`, 1_000, () => store.append([record])));
    const all = Array.from({ length: 32 }, () => [record]);
    const group = await cost('', 300, () => Promise.all(all.map((records) => store.append(records))));
    costs.push({ stage: `audit: one of 32 that wait together, ${durability}`, p50: group.p50 / 32, p95: group.p95 / 32 });
    await store.close();
    await rm(directory, { recursive: true, force: true });
  }
  return costs;
};

/** Measures on the database at `port`, for its catalog; `unseen` writes the text of about 1 KB that differs each time. */
export const measureStages = async (port: number, unseen: (turn: number) => string): Promise<readonly StageCost[]> => {
  const bundle = await bundleOf(port);
  const connection = bundle.connections.values().next().value;
  if (connection === undefined) throw new Error('no connection');
  const runtime = new ConnectionRuntime({
    connection: () => connection,
    bundle: () => bundle,
    clock,
    onFailure: (_event, error) => console.error(error),
  });
  try {
    const { judge } = await runtime.agent(AGENT);
    const context = judge.context();
    if (context === undefined) throw new Error('the policy does not name the agent');
    await context.grammar.load();
    const short = Buffer.from(SHORT);
    await judge.judge(short, 'Query', state);
    return [
      ...(await decodingCosts()),
      await cost('judge, seen before', 20_000, () => judge.judge(short, 'Query', state)),
      await cost('judge, other literal', 2_000, (turn) => judge.judge(Buffer.from(SHORT.replace('4711', String(turn))), 'Query', state)),
      ...(await judgingCosts('50 bytes', (turn) => SHORT.replace('4711', String(turn)), context)),
      ...(await judgingCosts('1 KB', unseen, context)),
      ...(await auditCosts()),
    ];
  } finally {
    await runtime.stop(shuttingDown());
  }
};
