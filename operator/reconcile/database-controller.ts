/**
 * Asks databases: whether they can be reached, what their role may do, and whether they have what policies name. One session at a time for each.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Reconciled } from '../kube/work-queue.ts';
import { leastPrivilege } from '../specs/least-privilege.ts';
import { parsedPolicy, placeholderSecrets } from '../specs/parsed-policy.ts';
import { wantedNames } from '../specs/policy-names.ts';
import type { AccessPolicy, Connection } from '../../kernel/policy.ts';
import { namespaceLabels, policiesOf, type Shared } from './controllers.ts';
import { jittered } from '../jittered.ts';
import { DatabaseFailure, withDatabase } from './database-session.ts';
import { digestOf, type KnownDatabase, namedBy } from './ledger.ts';
import { askNames } from './name-queries.ts';
import { askRole } from './role-queries.ts';

/** Makes what the queue of databases calls. Keys are those of connections. */
export const databaseReconciler = (shared: () => Shared): ((key: string, signal: AbortSignal) => Promise<Reconciled>) => {
  /** By host, port and database: several connections may lead to one. */
  const busy = new Map<string, Promise<unknown>>();

  const inTurn = async <T>(place: string, work: () => Promise<T>): Promise<T> => {
    const turn = (busy.get(place) ?? Promise.resolve()).then(work, work);
    busy.set(place, turn);
    try {
      return await turn;
    } finally {
      if (busy.get(place) === turn) busy.delete(place);
    }
  };

  /** Policies that this connection lets in, read for what they name. */
  const policiesFor = async (key: string): Promise<readonly AccessPolicy[]> => {
    const { world } = shared();
    const connection = world.connections.get(key);
    const found: AccessPolicy[] = [];
    for (const policy of policiesOf(world, key)) {
      // Many large ones take long, and others want their answers meanwhile.
      await nextTurn();
      const namespace = policy.metadata.namespace ?? '';
      const secrets = placeholderSecrets(namespace, policy.spec);
      const parsed = parsedPolicy({ policy, connection, namespaceLabels: namespaceLabels(world, namespace), secrets });
      if (parsed.policy !== undefined && parsed.connectionProblem === undefined && parsed.problems.length === 0) found.push(parsed.policy);
    }
    return found;
  };

  const ask = async (
    connection: Connection,
    policies: readonly AccessPolicy[],
    signal: AbortSignal,
  ): Promise<Pick<KnownDatabase, 'outcome' | 'leastPrivilege' | 'names'>> => {
    const { timing } = shared();
    try {
      return await withDatabase(connection, { ...timing, signal }, async (askOne) => {
        const { facts, serverVersion } = await askRole(askOne, policies);
        const names = await askNames(askOne, wantedNames(policies));
        return { outcome: { type: 'Reached', serverVersion }, leastPrivilege: leastPrivilege(facts), names };
      });
    } catch (error) {
      if (!(error instanceof DatabaseFailure)) throw error;
      return { outcome: error.outcome, leastPrivilege: undefined, names: undefined };
    }
  };

  return async (key, signal) => {
    const { world, ledger, queues, clock, timing } = shared();
    const source = ledger.sources.get(key);
    if (world.connections.get(key) === undefined || source?.credentials.type !== 'Complete') {
      ledger.databases.delete(key);
      return undefined;
    }
    const { connection } = source.credentials;
    const policies = await policiesFor(key);
    const covers = new Map(policies.map((policy) => [policy.key, namedBy(policy)]));
    const wanted = digestOf([...covers]);
    const before = ledger.databases.get(key);
    const isSame = before?.target === source.target && before.wanted === wanted;
    const failed = before?.outcome.type === 'Failed' && before.target === source.target;
    const leftMs = before === undefined ? 0 : before.nextAt - clock.monotonic();
    // A database that is down is not asked more often because somebody edits policies.
    if (leftMs > 0 && (isSame || failed)) return { againAfterMs: leftMs };
    const place = `${connection.host}:${connection.port}/${connection.database}`;
    const found = await inTurn(place, () => ask(connection, policies, signal));
    // What was called off says nothing of the database.
    if (signal.aborted) return undefined;
    const failures = found.outcome.type === 'Reached' ? 0 : (failed ? before.failures : 0) + 1;
    const waitMs = failures === 0 ? timing.databaseMs : Math.min(timing.databaseMs, timing.firstRetryMs * 2 ** (failures - 1));
    const againAfterMs = jittered(waitMs);
    // What the database had of names it has still, as far as anybody knows, while it cannot be asked.
    const names = found.names ?? (before?.target === source.target && before.wanted === wanted ? before.names : undefined);
    const nextAt = clock.monotonic() + againAfterMs;
    ledger.databases.set(key, { ...found, names, covers, target: source.target, wanted, failures, nextAt });
    queues.connections.add(key);
    for (const { metadata } of policiesOf(world, key)) queues.policies.add(`${metadata.namespace ?? ''}/${metadata.name}`);
    return { againAfterMs };
  };
};
