import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OperatorCluster, ready, type Replica, startOperatorCluster } from './operator-cluster.ts';

const TOLERANT = 240_000;
const PODS = 1000;
const AT_A_TIME = 50;

let cluster: OperatorCluster;
let replica: Replica;

beforeAll(async () => {
  cluster = await startOperatorCluster();
  replica = await cluster.startReplica('operator-1');
  await ready(replica);
}, TOLERANT);
afterAll(() => cluster?.stop());

const agent = (name: string): object => ({
  metadata: { name, labels: { 'pg-airlock.dev/agent': 'true' }, annotations: { 'pg-airlock.dev/connection': 'data/shop' } },
  spec: { serviceAccountName: 'agent', containers: [{ name: 'agent', image: 'agent' }] },
});

/** Why a pod was not injected; undefined if it was. */
const problemOf = async (name: string): Promise<unknown> => {
  const { status, body } = await cluster.plane.request('POST', '/api/v1/namespaces/agents/pods', agent(name));
  if (status !== 201) return body;
  const { spec } = body as { readonly spec: { readonly initContainers?: readonly { readonly name: string }[] } };
  return spec.initContainers?.[0]?.name === 'pg-airlock' ? undefined : spec;
};

/** The upper bounds of a histogram's buckets, each with how many were within it. */
const bucketsOf = (text: string, name: string, label: string): readonly (readonly [number, number])[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`${name}_bucket{`) && line.includes(label) && !line.includes('le="+Inf"'))
    .map((line) => [Number(/le="([^"]+)"/.exec(line)?.[1]), Number(line.slice(line.lastIndexOf(' ')))] as const);

/** As far as the buckets tell. */
const atMost = (buckets: readonly (readonly [number, number])[], part: number): string => {
  const most = Math.max(0, ...buckets.map(([, count]) => count));
  const [bound] = buckets.find(([, count]) => count >= most * part) ?? [];
  return bound === undefined ? 'unknown' : `at most ${bound * 1000} ms`;
};

const quantile = (values: readonly number[], part: number): string =>
  `${(values.toSorted((left, right) => left - right)[Math.floor(values.length * part)] ?? 0).toFixed(0)} ms`;

describe('a burst of agents', () => {
  it(`is injected without an error: ${PODS} pods`, { timeout: TOLERANT }, async () => {
    const waiting = Array.from({ length: PODS }, (_, index) => `burst-${index}`);
    const problems: unknown[] = [];
    const took: number[] = [];
    const worker = async (): Promise<void> => {
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
        const begin = performance.now();
        const problem = await problemOf(name);
        took.push(performance.now() - begin);
        if (problem !== undefined) problems.push(problem);
      }
    };
    const begin = performance.now();
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
    const seconds = (performance.now() - begin) / 1000;
    expect(problems).toEqual([]);
    expect(took).toHaveLength(PODS);

    const own = bucketsOf((await replica.ask('/metrics')).body, 'pg_airlock_operator_webhook_duration_seconds', 'path="/mutate-pods"');
    const seen = bucketsOf(
      String((await cluster.plane.request('GET', '/metrics')).body),
      'apiserver_admission_webhook_admission_duration_seconds',
      'name="pods.pg-airlock.dev"',
    );
    const memory = ((await replica.metric('process_resident_memory_bytes')) ?? 0) / 1e6;
    console.log(
      [
        `${PODS} agent pods in ${seconds.toFixed(1)} s, ${AT_A_TIME} at a time, all injected`,
        `the webhook's answer took p50 ${atMost(own, 0.5)}, p99 ${atMost(own, 0.99)}`,
        `the webhook as the API server saw it p50 ${atMost(seen, 0.5)}, p99 ${atMost(seen, 0.99)}`,
        `a whole creation p50 ${quantile(took, 0.5)}, p99 ${quantile(took, 0.99)}`,
        `the operator's memory afterwards ${memory.toFixed(0)} MB`,
      ].join('\n'),
    );
  });
});
