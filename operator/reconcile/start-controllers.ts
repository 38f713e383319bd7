/**
 * Starts what the leader does: connections, databases, policies and the Secrets of namespaces. Things start here.
 */
import { createWorkQueue, type Reconciled, type WorkQueue } from '../kube/work-queue.ts';
import { keyOf } from '../kube/kube.ts';
import { createAgentIndex } from './agent-index.ts';
import { connectionReconciler, connectionStatusWriter } from './connection-controller.ts';
import { type ControllerOptions, type Queues, type Shared, TIMING } from './controllers.ts';
import { databaseReconciler } from './database-controller.ts';
import { createLedger } from './ledger.ts';
import { openManagedRecord } from './managed-record.ts';
import { namespaceReconciler } from './namespace-controller.ts';
import { policyReconciler, policyStatusWriter } from './policy-controller.ts';
import { startTallies } from './tallies.ts';
import { followChanges, labelledNamespaces } from './follow-changes.ts';

export type Controllers = {
  /** Begins nothing more, and resolves when what runs has ended. */
  readonly stop: () => Promise<void>;
};

/** Logins that run at the same time. */
const DATABASES_AT_A_TIME = 8;
const PATIENCE_MS = 3_000;

/** Starts the controllers of the leader. Resolves when the informers are fresh and work has begun. */
export const startControllers = async (options: ControllerOptions): Promise<Controllers> => {
  const { kube, world, config, log, metrics, ca } = options;
  await Promise.all([world.pods.synced, world.namespaces.synced, world.connections.synced, world.policies.synced]);
  const record = await openManagedRecord(kube, config.namespace, config.leaderElection.lease);
  const agents = createAgentIndex(world.pods);
  const timing = { ...TIMING, ...options.timing };

  // Nobody asks before there is work, and that begins below.
  const shared = (): Shared => state;
  const queue = (name: string, reconcile: (key: string, signal: AbortSignal) => Promise<Reconciled>, concurrency?: number): WorkQueue =>
    createWorkQueue({ name, reconcile, log, observer: metrics, ...(concurrency === undefined ? {} : { concurrency }) });
  const tallies = startTallies({
    kube,
    namespace: config.namespace,
    log,
    everyMs: timing.talliesMs,
    onChange: (key) => state.queues.policies.add(key),
  });
  const queues: Queues = {
    connections: queue('connections', connectionReconciler(shared, connectionStatusWriter(options))),
    databases: queue('databases', databaseReconciler(shared), DATABASES_AT_A_TIME),
    policies: queue('policies', policyReconciler(shared, policyStatusWriter(options), tallies.of)),
    namespaces: queue('namespaces', namespaceReconciler(shared)),
  };
  const state: Shared = { ...options, timing, ledger: createLedger(), agents, record, queues };

  const unfollow = followChanges(state);
  const unfollowCa = ca.onChange(() => {
    for (const namespace of agents.namespaces()) queues.namespaces.add(namespace);
  });
  for (const connection of world.connections.list()) queues.connections.add(keyOf(connection));
  // Those about no connection, too, which no connection brings along.
  for (const policy of world.policies.list()) queues.policies.add(keyOf(policy));
  for (const namespace of new Set([...record.namespaces(), ...agents.namespaces(), ...labelledNamespaces(world)]))
    queues.namespaces.add(namespace);

  return {
    stop: async () => {
      unfollow();
      unfollowCa();
      agents.stop();
      tallies.stop();
      await Promise.all(Object.values(queues).map((each) => each.stop(PATIENCE_MS)));
    },
  };
};
