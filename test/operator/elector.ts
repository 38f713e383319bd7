/**
 * A replica that takes part in an election, for tests to stop, kill and end: `node elector.ts KUBECONFIG IDENTITY`. While it leads it writes a
 * ConfigMap as often as it can, until it is refused. Tells on standard output: `leads` and `ended`.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { connectKube } from '../../operator/kube/connect.ts';
import { KubeFailure } from '../../operator/kube/kube.ts';
import { electLeader, type Leadership } from '../../operator/kube/leader-election.ts';

const [kubeconfig, identity = ''] = process.argv.slice(2);
const kube = await connectKube({ kubeconfig, serviceHost: undefined, servicePort: undefined });
let ending = false;
const say = (what: string): void => void process.stdout.write(`${what}\n`);

/** False once it is refused. */
const write = async ({ kube: fenced, signal }: Leadership): Promise<boolean> => {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'written' }, data: { writer: identity, at: `${Date.now()}` } };
  try {
    await fenced.apply('/api/v1/namespaces/default/configmaps/written', object);
    return true;
  } catch (error) {
    return !signal.aborted && !(error instanceof KubeFailure && error.reason === 'NotLeader');
  }
};

const election = electLeader({
  kube,
  namespace: 'default',
  lease: 'elected',
  identity,
  clock: { now: () => new Date(), monotonic: () => performance.now() },
  log: pino({ level: 'silent' }),
  timing: { durationMs: 3000, deadlineMs: 2000, retryMs: 400 },
  lead: async (leadership) => {
    say('leads');
    // As a controller in the middle of its work: it does not look at the signal.
    for (let mayWrite = true; mayWrite && !ending; await pause(5)) mayWrite = await write(leadership);
    say('ended');
  },
});
process.once('SIGTERM', () => {
  ending = true;
  void election.stop().then(() => process.exit(0));
});
