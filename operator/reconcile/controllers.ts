/**
 * What every controller is given.
 */
import type { Logger } from 'pino';
import type { Clock } from '../../kernel/clock.ts';
import type { OperatorConfig } from '../config.ts';
import type { Events } from '../kube/events.ts';
import type { Kube } from '../kube/kube.ts';
import type { QueueObserver, WorkQueue } from '../kube/work-queue.ts';
import { policyConnection } from '../specs/bundle.ts';
import type { PolicyObject, World } from '../world.ts';
import type { AgentIndex } from './agent-index.ts';
import type { Ledger } from './ledger.ts';
import type { ManagedRecord } from './managed-record.ts';

export type ControllerOptions = {
  readonly kube: Kube;
  readonly world: World;
  readonly config: Pick<OperatorConfig, 'namespace' | 'excludedNamespaces' | 'connections' | 'leaderElection'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ControllerMetrics;
  readonly events: Events;
  /** The authority, PEM, that sidecars verify the operator by, and when it changes. Returns how to stop. */
  readonly ca: { readonly current: () => { readonly ca: string }; readonly onChange: (listener: () => void) => () => void };
  /** Shorter in tests. */
  readonly timing?: Partial<ControllerTiming>;
};

/** Told of what controllers do and find. */
export type ControllerMetrics = QueueObserver & {
  /** `status` of the condition Ready; undefined: the object has gone. */
  readonly ready: (kind: string, key: string, status: string | undefined) => void;
};

export type ControllerTiming = {
  /** Source Secrets are asked for so often, and keys of masks. */
  readonly secretsMs: number;
  /** Managed Secrets are looked at so often. */
  readonly managedMs: number;
  /** A database that answers is asked again after so long, and one that does not between the two. */
  readonly databaseMs: number;
  readonly firstRetryMs: number;
  readonly exposureMs: number;
  readonly talliesMs: number;
  /** Counts alone are written so often at most. */
  readonly countsMs: number;
  /** A policy's status waits so long for its database. */
  readonly pendingMs: number;
  /** For changes that come in crowds. */
  readonly settleMs: number;
  readonly loginMs: number;
  readonly sessionMs: number;
};

export const TIMING: ControllerTiming = {
  secretsMs: 15_000,
  managedMs: 30_000,
  databaseMs: 300_000,
  firstRetryMs: 5_000,
  exposureMs: 300_000,
  talliesMs: 5_000,
  countsMs: 30_000,
  pendingMs: 60_000,
  settleMs: 500,
  loginMs: 5_000,
  sessionMs: 20_000,
};

/** What controllers share. */
export type Shared = Omit<ControllerOptions, 'timing'> & {
  readonly timing: ControllerTiming;
  readonly ledger: Ledger;
  readonly agents: AgentIndex;
  readonly record: ManagedRecord;
  readonly queues: Queues;
};

/** By what they are about; keys are `namespace/name`, and a namespace's name. */
export type Queues = {
  readonly connections: WorkQueue;
  readonly databases: WorkQueue;
  readonly policies: WorkQueue;
  readonly namespaces: WorkQueue;
};

/** The policies about a connection. */
export const policiesOf = (world: World, connection: string): readonly PolicyObject[] =>
  [...world.policies.list()].filter((policy) => policyConnection(policy) === connection);

/** Labels of a namespace; none where it is not known. */
export const namespaceLabels = (world: World, namespace: string): Readonly<Record<string, string>> =>
  world.namespaces.get(namespace)?.metadata.labels ?? {};
