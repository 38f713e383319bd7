/**
 * What is true of a policy: whether it can be enforced, where it is, and what it did.
 */
import type { Reconciled } from '../kube/work-queue.ts';
import { maskKeys, policyConnection } from '../specs/bundle.ts';
import { sumOf } from '../specs/condition.ts';
import { type ParsedPolicy, maskSecrets, parsedPolicy } from '../specs/parsed-policy.ts';
import { policyAccepted } from '../specs/policy-accepted.ts';
import { policyEnforced } from '../specs/policy-enforced.ts';
import type { DatabaseNames } from '../specs/policy-names.ts';
import { selectsPod } from '../specs/selects-pod.ts';
import type { SecretAnswer } from '../specs/source-credentials.ts';
import { keptFromAgents } from '../specs/verified-server.ts';
import type { PolicyObject } from '../world.ts';
import { namespaceLabels, type Shared } from './controllers.ts';
import { jittered } from '../jittered.ts';
import { namedBy } from './ledger.ts';
import { readSecret } from './read-secret.ts';
import { createStatusWriter, type StatusWriter } from './status-writer.ts';
import type { PolicyCounts } from './tallies.ts';

const KIND = 'DatabaseAccessPolicy';

type Asked =
  | { readonly type: 'Known'; readonly names: DatabaseNames | undefined; readonly notAsked: string }
  /** It is being asked at this moment, and this policy is looked at again when it has answered. */
  | { readonly type: 'Pending' };

/** Makes what the queue of policies calls. */
export const policyReconciler = (
  shared: () => Shared,
  writer: StatusWriter,
  tallyOf: (key: string, generation: number | undefined) => PolicyCounts,
): ((key: string) => Promise<Reconciled>) => {
  /** Since when policies wait for their database; monotonic. */
  const waiting = new Map<string, number>();

  const readMaskSecrets = async ({ metadata, spec }: PolicyObject): Promise<ReadonlyMap<string, SecretAnswer>> => {
    const answers = new Map<string, SecretAnswer>();
    for (const name of maskKeys(spec).keys()) answers.set(name, await readSecret(shared().kube, metadata.namespace ?? '', name));
    return answers;
  };

  const namesFor = ({ policy, connectionProblem, problems }: ParsedPolicy, connection: string): Asked => {
    const { ledger, queues, clock, timing } = shared();
    const notAsked = (why: string): Asked => ({ type: 'Known', names: undefined, notAsked: why });
    if (policy === undefined || connectionProblem !== undefined || problems.length > 0) return notAsked('');
    const source = ledger.sources.get(connection);
    const found = ledger.databases.get(connection);
    // What was found with other credentials, or elsewhere, says nothing.
    const database = found?.target === source?.target ? found : undefined;
    if (source !== undefined && source.credentials.type !== 'Complete') {
      return notAsked('Whether the database has what it names is not known: its DatabaseConnection has no credentials.');
    }
    if (database?.names !== undefined && database.covers.get(policy.key) === namedBy(policy)) {
      waiting.delete(policy.key);
      return { type: 'Known', names: database.names, notAsked: '' };
    }
    if (database?.outcome.type === 'Failed') {
      return notAsked('Whether the database has what it names is not known: it cannot be reached, as its DatabaseConnection says.');
    }
    queues.databases.add(connection);
    const since = waiting.get(policy.key) ?? clock.monotonic();
    waiting.set(policy.key, since);
    if (clock.monotonic() - since < timing.pendingMs) return { type: 'Pending' };
    return notAsked('Whether the database has what it names is not known: it has not answered yet.');
  };

  /** Milliseconds until the policy begins or ends. */
  const untilTurn = (policy: ParsedPolicy['policy'], now: Date): number | undefined => {
    const turns = [policy?.notBefore, policy?.notAfter].flatMap((turn) =>
      turn === undefined || turn <= now ? [] : [turn.getTime() - now.getTime() + 50],
    );
    return turns.length === 0 ? undefined : Math.min(...turns);
  };

  return async (key) => {
    const { world, clock, agents, config, metrics, timing } = shared();
    const object = world.policies.get(key);
    if (object === undefined) {
      writer.forget(key);
      waiting.delete(key);
      metrics.ready(KIND, key, undefined);
      return undefined;
    }
    const namespace = object.metadata.namespace ?? '';
    const connectionKey = policyConnection(object);
    const connection = world.connections.get(connectionKey);
    const answers = await readMaskSecrets(object);
    // A moment without an answer is no news of the policy.
    if ([...answers.values()].some(({ type }) => type === 'Failed')) return { againAfterMs: jittered(timing.firstRetryMs) };
    const secrets = maskSecrets(namespace, answers);
    const parsed = parsedPolicy({ policy: object, connection, namespaceLabels: namespaceLabels(world, namespace), secrets });
    const asked = namesFor(parsed, connectionKey);
    const pollMs = answers.size === 0 ? undefined : jittered(timing.secretsMs);
    if (asked.type === 'Pending') return { againAfterMs: jittered(Math.min(timing.pendingMs, timing.secretsMs)) };

    const now = clock.now();
    const accepted = policyAccepted({
      parsed,
      connectionExists: connection !== undefined,
      keptFromAgents: connection && keptFromAgents(connectionKey, connection.spec, config.connections.allowUnverifiedServers),
      names: asked.names,
      notAsked: asked.notAsked,
      unreadSecrets: [...secrets.broken],
      now,
    });
    const selected = agents
      .inNamespace(namespace)
      .filter((agent) => agent.connections.includes(connectionKey) && selectsPod(object.spec, agent)).length;
    const tally = tallyOf(key, object.metadata.generation);
    const enforced = policyEnforced({
      accepted,
      notBefore: parsed.policy?.notBefore,
      now,
      agents: selected,
      pods: tally.pods,
      mode: object.spec.mode,
    });
    const ready = sumOf([accepted, enforced], { reason: enforced.reason, message: enforced.message });
    const findings = [ready, accepted, enforced];
    const { status, writtenAt } = writer.known(object);
    // What is counted changes with every statement: it is written by the way, or after a while; the first of it at once.
    const counted = (name: 'blocked' | 'masked'): boolean => (status[name] ?? 0) !== 0 || tally[name] === 0;
    const isEarly = writtenAt !== undefined && clock.monotonic() - writtenAt < timing.countsMs && counted('blocked') && counted('masked');
    const isSame =
      status['pods'] === tally.pods &&
      status['observedGeneration'] === object.metadata.generation &&
      findings.every((finding) =>
        status.conditions?.some(
          ({ type, reason, message }) => type === finding.type && reason === finding.reason && message === finding.message,
        ),
      );
    const turnMs = untilTurn(parsed.policy, now);
    if (isEarly && isSame) {
      const waitMs = timing.countsMs - (clock.monotonic() - writtenAt);
      return { againAfterMs: Math.min(waitMs, pollMs ?? waitMs, turnMs ?? waitMs) };
    }
    await writer.write(object, findings, { pods: tally.pods, blocked: tally.blocked, masked: tally.masked });
    metrics.ready(KIND, key, ready.status);
    const againAfterMs = Math.min(pollMs ?? Number.POSITIVE_INFINITY, turnMs ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(againAfterMs) ? { againAfterMs } : undefined;
  };
};

/** The writer of their status. */
export const policyStatusWriter = ({ kube, clock, events }: Pick<Shared, 'kube' | 'clock' | 'events'>): StatusWriter =>
  createStatusWriter({ kube, clock, events, kind: KIND, plural: 'databaseaccesspolicies', isBad: ({ status }) => status === 'False' });
