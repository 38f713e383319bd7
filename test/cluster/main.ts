/**
 * `make cluster`: the cluster alone, until Ctrl-C.
 */
import { once } from 'node:events';
import { startCluster } from './cluster.ts';

const cluster = await startCluster();
console.log(`export KUBECONFIG=${cluster.kubeconfig}`);
const waiting = setInterval(() => undefined, 60_000);
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
clearInterval(waiting);
await cluster.stop();
