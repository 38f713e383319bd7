/**
 * What the sidecars of this replica have reported, summed up by policy.
 */
import type { PolicyCounts, SidecarReport } from '../../kernel/control.ts';
import type { PolicyTally, Tally } from '../specs/tally.ts';
import type { SentBundle } from './sidecar-stream.ts';

type Entry = {
  readonly namespace: string;
  report: SidecarReport;
  /** Monotonic; undefined while it has a stream. */
  closed: number | undefined;
  /** It was told to ask again, and may have done so at another replica, which then counts all that it did. */
  sentAway: boolean;
};

/** Milliseconds after which a sidecar that has no stream here, and whose pod lives, is taken to have one at another replica. */
const ELSEWHERE = 60_000;

export class TallyBook {
  readonly #entries = new Map<string, Entry>();
  /** Of pods that have ended. */
  readonly #past = new Map<string, PolicyCounts>();
  readonly #monotonic: () => number;
  readonly #exists: (policy: string) => boolean;

  /** `exists`: whether there is such a policy, by `namespace/name`. */
  constructor(monotonic: () => number, exists: (policy: string) => boolean) {
    this.#monotonic = monotonic;
    this.#exists = exists;
  }

  /** INVARIANT: what a sidecar tells counts for policies of its own namespace only, and nothing that it makes up is kept. */
  report(pod: { readonly uid: string; readonly namespace: string }, { policies, ...report }: SidecarReport): void {
    const own = this.#known(Object.entries(policies).filter(([policy]) => policy.startsWith(`${pod.namespace}/`)));
    const entry = this.#entries.get(pod.uid);
    const kept = { ...report, policies: own };
    if (entry === undefined) {
      this.#entries.set(pod.uid, { namespace: pod.namespace, report: kept, closed: undefined, sentAway: false });
      return;
    }
    const before = this.#known(Object.entries(entry.report.policies));
    // A sidecar that was started anew counts from nothing.
    if (isLess(own, before)) this.#keep(before);
    entry.report = kept;
    this.opened(pod.uid);
  }

  /** It has a stream here. */
  opened(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.closed = undefined;
    entry.sentAway = false;
  }

  /** Its stream ends because we say so. */
  sentAway(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry !== undefined) entry.sentAway = true;
  }

  /** Its stream has ended. */
  closed(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry !== undefined) entry.closed = this.#monotonic();
  }

  /** Its pod has ended: what it did stays, with the replica that it was last at. */
  ended(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    this.#entries.delete(uid);
    if (!entry.sentAway) this.#keep(entry.report.policies);
  }

  /** `streams`: what each sidecar was sent. `generation`: of a policy that there is now; others are left out. */
  tally(
    streams: Iterable<{ readonly uid: string; readonly sent: SentBundle | undefined }>,
    generation: (policy: string) => number | undefined,
  ): Tally {
    const sums = new Map<string, PolicyTally>();
    const add = (policy: string, more: { readonly pods: number } & PolicyCounts): void => {
      const current = generation(policy);
      if (current === undefined) return;
      const sum = sums.get(policy) ?? { generation: current, pods: 0, blocked: 0, masked: 0 };
      sums.set(policy, {
        generation: current,
        pods: sum.pods + more.pods,
        blocked: sum.blocked + more.blocked,
        masked: sum.masked + more.masked,
      });
    };
    for (const [policy, counts] of this.#past) add(policy, { pods: 0, ...counts });
    for (const [uid, { report, closed }] of this.#entries) {
      if (closed !== undefined && this.#monotonic() - closed > ELSEWHERE) this.#entries.delete(uid);
      else for (const [policy, counts] of Object.entries(report.policies)) add(policy, { pods: 0, ...counts });
    }
    const counted = new Set<string>();
    for (const { uid, sent } of streams) {
      const confirmed = this.#entries.get(uid)?.report.revision === sent?.revision;
      if (sent === undefined || !confirmed || counted.has(uid)) continue;
      counted.add(uid);
      for (const [policy, sentGeneration] of sent.policies) {
        add(policy, { pods: sentGeneration === generation(policy) ? 1 : 0, blocked: 0, masked: 0 });
      }
    }
    return sums;
  }

  /** Those of policies that there are. */
  #known(counts: readonly (readonly [string, PolicyCounts])[]): SidecarReport['policies'] {
    return Object.fromEntries(counts.filter(([policy]) => this.#exists(policy)));
  }

  #keep(policies: SidecarReport['policies']): void {
    for (const [policy, { blocked, masked }] of Object.entries(policies)) {
      const past = this.#past.get(policy) ?? { blocked: 0, masked: 0 };
      this.#past.set(policy, { blocked: past.blocked + blocked, masked: past.masked + masked });
    }
  }
}

const isLess = (policies: SidecarReport['policies'], before: SidecarReport['policies']): boolean =>
  Object.entries(before).some(([policy, { blocked, masked }]) => {
    const now = policies[policy];
    return now === undefined || now.blocked < blocked || now.masked < masked;
  });
