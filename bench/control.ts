/**
 * `make bench-control`: from the edit of a policy, as it is sent to the API server, to the bundle that each of N sidecars has received.
 * A real API server, the operator's control plane in a process of its own, and N plain clients of the stream, with tokens of pods of theirs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connectionDocument, policyDocument } from '../test/control/documents.ts';
import { createAgent, must, tokenOf } from '../test/control/operator.ts';
import { openStream, type PlainSidecar } from '../test/control/plain-sidecar.ts';
import { type ControlPlane, startControlPlane } from '../test/support/kubernetes.ts';
import { quantile } from './statistics.ts';

const SIZES = (process.env['N'] ?? '1,100,1000').split(',').map(Number);
const EDITS = Number(process.env['REPEATS'] ?? 20);
/** Requests at a time. */
const AT_A_TIME = 40;

const POLICY = '/apis/pg-airlock.dev/v1alpha1/namespaces/agents/databaseaccesspolicies/reading';

/** Policies of the namespace that are for other pods: they must not cost anything. */
const OTHERS = 50;

const prepare = async (cluster: ControlPlane): Promise<void> => {
  for (const kind of ['databaseconnections', 'databaseaccesspolicies']) await cluster.apply(await readFile(`crds/${kind}.yaml`, 'utf8'));
  await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  for (const name of ['agents', 'data', 'pg-airlock'])
    await must(cluster, 'POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reporter' } };
  await must(cluster, 'POST', '/api/v1/namespaces/agents/serviceaccounts', account);
  const policy = policyDocument({ port: 5432 });
  const others = Array.from({ length: OTHERS }, (_, index) => ({
    ...policyDocument({ port: 5432 }, { subjects: [{ pod: { matchLabels: { app: `other-${index}` } } }] }),
    metadata: { namespace: 'agents', name: `other-${index}` },
  }));
  await cluster.apply([connectionDocument({ port: 5432 }), policy, ...others]);
};

type Operator = { readonly url: string; readonly ca: string; readonly pid: number; readonly stop: () => void };

const startOperator = async (cluster: ControlPlane): Promise<Operator> => {
  const child = spawn(process.execPath, [`${import.meta.dirname}/control-operator.ts`, cluster.kubeconfig], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const { url, ca } = JSON.parse(line) as { readonly url: string; readonly ca: string };
  return { url, ca, pid: child.pid ?? 0, stop: () => void child.kill('SIGKILL') };
};

/** Resident memory in MB, now and at most. */
const memoryOf = async (pid: number): Promise<{ readonly now: number; readonly most: number }> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return { now: of('VmRSS'), most: of('VmHWM') };
};

const concurrently = async (count: number, work: (index: number) => Promise<void>): Promise<void> => {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: Math.min(count, AT_A_TIME) }, worker));
};

const cluster = await startControlPlane();
try {
  await prepare(cluster);
  console.log(`policy edit to bundle received, ${EDITS} edits; the namespace has ${OTHERS} policies for other pods`);
  console.log('sidecars  p50 ms  p99 ms  most ms  operator MB (peak)  all connected in s');
  for (const size of SIZES) {
    const operator = await startOperator(cluster);
    const streams: PlainSidecar[] = [];
    let received: ((at: number) => void) | undefined;
    try {
      const tokens: string[] = [];
      await concurrently(size, async (index) => {
        const pod = await createAgent(cluster, `reporter-${size}-${index}`);
        tokens.push(await tokenOf(cluster, pod, { seconds: 3600 }));
      });
      const began = performance.now();
      await concurrently(size, async (index) => {
        for (;;) {
          const stream = await openStream({ url: operator.url, ca: operator.ca, token: tokens[index] }, () =>
            received?.(performance.now()),
          );
          if (stream.status !== 200) continue;
          streams.push(stream);
          return;
        }
      });
      while (streams.some((stream) => stream.bundles().length === 0)) await new Promise((resolve) => setTimeout(resolve, 20));
      const connected = performance.now() - began;
      const delays: number[] = [];
      for (let edit = 0; edit < EDITS; edit++) {
        const sent = performance.now();
        let missing = size;
        const all = new Promise<void>((resolve) => {
          received = (at) => {
            delays.push(at - sent);
            missing--;
            if (missing === 0) resolve();
          };
        });
        const spec = { spec: { limits: { statementsPerMinute: 1000 + edit } } };
        await must(cluster, 'PATCH', POLICY, spec, { contentType: 'application/merge-patch+json' });
        await all;
      }
      const sorted = delays.toSorted((left, right) => left - right);
      const memory = await memoryOf(operator.pid);
      const figures = [quantile(sorted, 0.5), quantile(sorted, 0.99), sorted.at(-1) ?? 0].map((each) => each.toFixed(0).padStart(7));
      const megabytes = `${memory.now.toFixed(0)} (${memory.most.toFixed(0)})`;
      console.log(
        `${String(size).padStart(8)} ${figures.join(' ')}  ${megabytes.padStart(18)}  ${(connected / 1000).toFixed(1).padStart(18)}`,
      );
    } finally {
      for (const stream of streams) stream.close();
      operator.stop();
    }
  }
} finally {
  await cluster.stop();
}
process.exit(0);
