/**
 * What is true of a connection: its Secrets, asked for again and again, and what others have found about it.
 */
import type { Finding } from '../specs/condition.ts';
import { sumOf } from '../specs/condition.ts';
import { credentialsExposed } from '../specs/credentials-exposed.ts';
import { allowsNamespace, isUnguarded } from '../specs/managed-secret.ts';
import { managedSecretName } from '../specs/managed-names.ts';
import { reachable } from '../specs/reachable.ts';
import { NOT_READ, type SecretAnswer, sourceCredentials, sourceSecretNames } from '../specs/source-credentials.ts';
import { keptFromAgents, NOT_VERIFIED } from '../specs/verified-server.ts';
import type { ConnectionObject } from '../world.ts';
import { namespaceLabels, policiesOf, type Shared } from './controllers.ts';
import { jittered } from '../jittered.ts';
import { type KnownSource, targetOf } from './ledger.ts';
import { readSecret } from './read-secret.ts';
import { createExposureReview } from './review-exposure.ts';
import { createStatusWriter, type StatusWriter } from './status-writer.ts';
import type { Reconciled } from '../kube/work-queue.ts';

const KIND = 'DatabaseConnection';

/** Makes what the queue of connections calls. */
export const connectionReconciler = (shared: () => Shared, writer: StatusWriter): ((key: string) => Promise<Reconciled>) => {
  const exposures = new Map<string, { readonly finding: Finding<'CredentialsExposed'>; readonly until: number; readonly about: string }>();
  let review: ReturnType<typeof createExposureReview> | undefined;

  const readSource = async (connection: ConnectionObject): Promise<KnownSource> => {
    const { kube, ledger } = shared();
    const { name, namespace = '' } = connection.metadata;
    const answers = new Map<string, SecretAnswer>();
    for (const secret of sourceSecretNames(connection.spec)) answers.set(secret, await readSecret(kube, namespace, secret));
    const source = sourceCredentials({ metadata: { name, namespace }, spec: connection.spec }, answers);
    // Where nobody could say, what was known before goes on.
    const before = ledger.sources.get(`${namespace}/${name}`);
    const credentials = source.credentials.type === 'Unknown' && before !== undefined ? before.credentials : source.credentials;
    const known = { ...source, credentials };
    return { ...known, target: targetOf(connection.spec, known) };
  };

  const exposure = async (key: string, connection: ConnectionObject): Promise<Finding<'CredentialsExposed'>> => {
    const { kube, clock, agents, world, config, timing } = shared();
    const { name, namespace = '' } = connection.metadata;
    const isKept = keptFromAgents(key, connection.spec, config.connections.allowUnverifiedServers) !== undefined;
    const managed = (isKept ? [] : agents.namespacesOf(key))
      .filter((used) => !isUnguarded(used, config) && allowsNamespace(connection, used, namespaceLabels(world, used)))
      .map((used) => ({ namespace: used, secret: managedSecretName({ namespace, name }) }));
    const places = [...sourceSecretNames(connection.spec).map((secret) => ({ namespace, secret })), ...managed];
    const about = JSON.stringify(places.map((place) => [place, agents.serviceAccounts(place.namespace)]));
    const known = exposures.get(key);
    if (known !== undefined && known.about === about && clock.monotonic() < known.until) return known.finding;
    // Shorter than the time between two reviews of one connection.
    review ??= createExposureReview(kube, clock, timing.exposureMs / 2);
    const finding = credentialsExposed(await review(places, agents.serviceAccounts));
    const again = finding.status === 'Unknown' ? timing.secretsMs : timing.exposureMs;
    exposures.set(key, { finding, about, until: clock.monotonic() + jittered(again) });
    return finding;
  };

  /** What the database said, where it was asked with these credentials; else what the status says, or nothing yet. */
  const databaseFindings = (
    key: string,
    connection: ConnectionObject,
    source: KnownSource,
  ): { readonly findings: readonly Finding[]; readonly serverVersion: string | undefined } => {
    const { status } = writer.known(connection);
    const lastVersion = typeof status['serverVersion'] === 'string' ? status['serverVersion'] : undefined;
    const kept = (type: string): Finding | undefined => status.conditions?.find((condition) => condition.type === type);
    const unknown = (type: string, reason: string, message: string): Finding => ({ type, status: 'Unknown', reason, message });
    if (source.credentials.type !== 'Complete') {
      const message = 'Without credentials nobody can log in.';
      return {
        findings: [unknown('Reachable', 'NoCredentials', message), unknown('LeastPrivilege', 'NoCredentials', message)],
        serverVersion: lastVersion,
      };
    }
    const database = shared().ledger.databases.get(key);
    if (database === undefined || database.target !== source.target) {
      const isCurrent = database === undefined && status['observedGeneration'] === connection.metadata.generation;
      const waiting = (type: string): Finding =>
        (isCurrent ? kept(type) : undefined) ?? unknown(type, 'Checking', 'The database is being asked.');
      return { findings: [waiting('Reachable'), waiting('LeastPrivilege')], serverVersion: lastVersion };
    }
    const { outcome } = database;
    const notAsked = kept('LeastPrivilege') ?? unknown('LeastPrivilege', 'NotAsked', 'The database could not be asked.');
    return {
      findings: [reachable(outcome, connection.spec), database.leastPrivilege ?? notAsked],
      serverVersion: outcome.type === 'Reached' ? outcome.serverVersion : lastVersion,
    };
  };

  const forget = (key: string): void => {
    const { ledger, metrics } = shared();
    ledger.sources.delete(key);
    exposures.delete(key);
    writer.forget(key);
    metrics.ready(KIND, key, undefined);
  };

  return async (key) => {
    const { world, ledger, queues, agents, config, metrics, timing } = shared();
    const connection = world.connections.get(key);
    if (connection === undefined) {
      forget(key);
      return undefined;
    }
    const source = await readSource(connection);
    const before = ledger.sources.get(key);
    // A moment without an answer is no news of the connection.
    if (source.finding.reason === NOT_READ && before !== undefined) return { againAfterMs: jittered(timing.firstRetryMs) };
    ledger.sources.set(key, source);
    if (before?.target !== source.target) {
      queues.databases.add(key);
      for (const namespace of agents.namespacesOf(key)) queues.namespaces.add(namespace);
      for (const { metadata } of policiesOf(world, key))
        queues.policies.addAfter(`${metadata.namespace ?? ''}/${metadata.name}`, timing.settleMs);
    }
    const { findings, serverVersion } = databaseFindings(key, connection, source);
    const [reach] = findings;
    const sum = sumOf(reach === undefined ? [source.finding] : [source.finding, reach], {
      reason: 'Ready',
      message: 'Agents can use the connection.',
    });
    const kept = keptFromAgents(key, connection.spec, config.connections.allowUnverifiedServers);
    const ready: Finding<'Ready'> = kept === undefined ? sum : { type: 'Ready', status: 'False', reason: NOT_VERIFIED, message: kept };
    await writer.write(connection, [ready, source.finding, ...findings, await exposure(key, connection)], { serverVersion });
    metrics.ready(KIND, key, ready.status);
    return { againAfterMs: jittered(timing.secretsMs) };
  };
};

/** The writer of their status. */
export const connectionStatusWriter = ({ kube, clock, events }: Pick<Shared, 'kube' | 'clock' | 'events'>): StatusWriter =>
  createStatusWriter({
    kube,
    clock,
    events,
    kind: KIND,
    plural: 'databaseconnections',
    isBad: ({ type, status }) => status === (type === 'CredentialsExposed' ? 'True' : 'False'),
  });
