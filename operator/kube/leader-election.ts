/**
 * One leader among the replicas, by a Lease (coordination.k8s.io/v1), by client-go's rules: what others wrote is judged by how long ago it was
 * seen here, never by their clocks.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from '../../kernel/clock.ts';
import { applyBy } from './apply.ts';
import { type Kube, KubeFailure, type KubeObject } from './kube.ts';
import { microTime } from './micro-time.ts';

export type LeaseTiming = {
  /** Others wait so long after the last renewal that they saw. */
  readonly durationMs: number;
  /** The leader that could not renew for so long is leader no more: before others may be. */
  readonly deadlineMs: number;
  readonly retryMs: number;
};

export type LeaderElectionOptions = {
  readonly kube: Kube;
  readonly namespace: string;
  readonly lease: string;
  /** Unique to this process. */
  readonly identity: string;
  /** Does what only the leader does until the signal aborts, and resolves when all of it has ended. */
  readonly lead: (leadership: Leadership) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly timing?: LeaseTiming;
  readonly onChange?: (isLeader: boolean) => void;
};

export type Leadership = {
  readonly signal: AbortSignal;
  /** Refuses to write once the leadership may have passed to another, also where this process was stopped and could not notice. */
  readonly kube: Kube;
};

export type LeaderElection = {
  readonly isLeader: () => boolean;
  /** Ends what the leader does, and gives the lease away. */
  readonly stop: () => Promise<void>;
};

const TIMING: LeaseTiming = { durationMs: 15_000, deadlineMs: 10_000, retryMs: 2_000 };

type LeaseSpec = {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
};

type Lease = KubeObject & { readonly spec?: LeaseSpec };

/** Both clocks: the monotonic one stands still while the machine sleeps, and the other one may be set. */
type Moment = { readonly monotonic: number; readonly wall: number };

/** Takes part in the election until it is stopped. */
export const electLeader = (options: LeaderElectionOptions): LeaderElection => {
  const { clock, log, identity, timing = TIMING } = options;
  const stopping = new AbortController();
  const lease = createLease(options, timing);
  let leading: { readonly ended: Promise<void>; readonly abort: AbortController } | undefined;
  /** When the renewal that went well last was asked for. */
  let renewed: Moment | undefined;

  const holds = (): boolean => renewed !== undefined && atMostSince(renewed, clock) < timing.deadlineMs;

  const begin = (): void => {
    const abort = new AbortController();
    log.info({ lease: options.lease, identity }, 'became leader');
    options.onChange?.(true);
    // Of this leadership, not of a later one: work that outlives it may not write.
    const mayWrite = (): boolean => leading?.abort === abort && holds();
    const watchdog = setInterval(() => {
      if (!holds()) lose('the lease could not be renewed in time');
    }, timing.retryMs / 4);
    const ended = options
      .lead({ signal: abort.signal, kube: fenced(options.kube, mayWrite) })
      .catch((error: unknown) => log.error({ err: error }, 'what the leader does has failed'))
      .finally(() => {
        clearInterval(watchdog);
        leading = undefined;
        options.onChange?.(false);
      });
    leading = { ended, abort };
  };

  const lose = (why: string): void => {
    renewed = undefined;
    if (leading === undefined || leading.abort.signal.aborted) return;
    log.warn({ lease: options.lease, identity, why }, 'no longer leader');
    leading.abort.abort();
  };

  const turn = async (): Promise<void> => {
    // What a former leadership began has to be over first; meanwhile another replica may lead.
    if (leading?.abort.signal.aborted === true) return;
    const asked = momentOf(clock);
    if (!(await lease.acquireOrRenew())) {
      lose('the lease has another holder');
      return;
    }
    // INVARIANT: from before the request. Others count from when they saw the renewal, which is later.
    renewed = asked;
    if (leading === undefined && !stopping.signal.aborted) begin();
  };

  const campaign = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await turn().catch((error: unknown) => log.warn({ err: error, lease: options.lease }, 'could not take or renew the lease'));
      const waitMs = leading === undefined ? timing.retryMs * (1 + Math.random() / 5) : timing.retryMs;
      await pause(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };

  const campaigning = campaign();
  return {
    isLeader: () => leading?.abort.signal.aborted === false && holds(),
    stop: async () => {
      stopping.abort();
      leading?.abort.abort();
      await leading?.ended;
      await campaigning;
      if (renewed !== undefined) await lease.release().catch((error: unknown) => log.warn({ err: error }, 'could not give the lease away'));
    },
  };
};

const momentOf = (clock: Clock): Moment => ({ monotonic: clock.monotonic(), wall: clock.now().getTime() });

/** The longest that it can have been. */
const atMostSince = (moment: Moment, clock: Clock): number => {
  const { monotonic, wall } = momentOf(clock);
  return Math.max(monotonic - moment.monotonic, wall - moment.wall);
};

type LeaseClient = {
  /** Whether the lease is ours now. @throws KubeFailure */
  readonly acquireOrRenew: () => Promise<boolean>;
  readonly release: () => Promise<void>;
};

const createLease = ({ kube, namespace, lease: name, identity, clock }: LeaderElectionOptions, timing: LeaseTiming): LeaseClient => {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const leaseDurationSeconds = Math.ceil(timing.durationMs / 1000);
  const request = { timeoutMs: Math.floor(timing.deadlineMs / 2) };
  /** What was seen last, and since when it has been so. */
  let seen: { readonly lease: Lease; readonly at: number } | undefined;

  const observe = (lease: Lease): void => {
    if (seen?.lease.metadata.resourceVersion === lease.metadata.resourceVersion) return;
    seen = { lease, at: clock.monotonic() };
  };

  const write = async (lease: Lease, spec: LeaseSpec): Promise<boolean> => {
    try {
      // The version goes with it: of two that write at the same time, one fails.
      observe(await kube.request<Lease>('PUT', `${path}/${name}`, { ...request, body: { ...lease, spec } }));
      return true;
    } catch (error) {
      if (error instanceof KubeFailure && error.status === 409) return false;
      throw error;
    }
  };

  const read = async (): Promise<Lease | undefined> => {
    try {
      return await kube.request<Lease>('GET', `${path}/${name}`, request);
    } catch (error) {
      if (error instanceof KubeFailure && error.status === 404) return undefined;
      throw error;
    }
  };

  const create = async (spec: LeaseSpec): Promise<boolean> => {
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace }, spec };
    try {
      observe(await kube.request<Lease>('POST', path, { ...request, body }));
      return true;
    } catch (error) {
      if (error instanceof KubeFailure && error.status === 409) return false;
      throw error;
    }
  };

  return {
    acquireOrRenew: async () => {
      const renewTime = microTime(clock.now());
      const ours = { holderIdentity: identity, leaseDurationSeconds, renewTime };
      const kept = ({ spec }: Lease): LeaseSpec => ({
        ...ours,
        acquireTime: spec?.acquireTime ?? renewTime,
        leaseTransitions: spec?.leaseTransitions ?? 0,
      });
      if (seen?.lease.spec?.holderIdentity === identity && (await write(seen.lease, kept(seen.lease)))) return true;
      const lease = await read();
      if (lease === undefined) return await create({ ...ours, acquireTime: renewTime, leaseTransitions: 0 });
      observe(lease);
      const { holderIdentity = '', leaseTransitions = 0, leaseDurationSeconds: theirs = leaseDurationSeconds } = lease.spec ?? {};
      if (holderIdentity === identity) return await write(lease, kept(lease));
      // INVARIANT: by the monotonic clock alone. One that is set forward would make a live leader's lease look old.
      const isHeld = holderIdentity !== '' && seen !== undefined && clock.monotonic() - seen.at < theirs * 1000;
      return isHeld ? false : await write(lease, { ...ours, acquireTime: renewTime, leaseTransitions: leaseTransitions + 1 });
    },
    release: async () => {
      const lease = await read();
      if (lease?.spec?.holderIdentity !== identity) return;
      const renewTime = microTime(clock.now());
      await write(lease, { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime, acquireTime: renewTime });
    },
  };
};

/** `kube` for as long as `allowed`; reading goes on. */
const fenced = (kube: Kube, allowed: () => boolean): Kube => {
  const guard = (): void => {
    if (!allowed()) throw new KubeFailure(0, 'NotLeader', 'this replica is no longer the leader');
  };
  const request: Kube['request'] = (method, path, options) =>
    kube.request(method, path, method === 'GET' ? options : { ...options, guard });
  return { request, apply: applyBy(request) };
};
