/**
 * Writes status where it has changed, and tells what has.
 */
import { isDeepStrictEqual } from 'node:util';
import { API_VERSION } from '../../kernel/cluster-names.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Events } from '../kube/events.ts';
import { type Kube, KubeFailure, keyOf, type KubeObject } from '../kube/kube.ts';
import { type Condition, conditionsOf, type Finding, transitionsOf } from '../specs/condition.ts';

type StatusFields = Readonly<Record<string, string | number | undefined>>;

export type WrittenStatus = { readonly conditions: readonly Condition[]; readonly [field: string]: unknown };

export type StatusWriter = {
  /**
   * What the status is, as far as is known: as it was written last, where the informer has not seen that yet. `writtenAt` is monotonic, and
   * undefined where this process has not written it.
   */
  readonly known: (object: KubeObject) => { readonly status: Partial<WrittenStatus>; readonly writtenAt: number | undefined };
  /** Resolves true when something was written. Of an object that has gone nothing is. */
  readonly write: (object: KubeObject, findings: readonly Finding[], fields: StatusFields) => Promise<boolean>;
  readonly forget: (key: string) => void;
};

export type StatusWriterOptions = {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly events: Events;
  readonly kind: string;
  readonly plural: string;
  /** Whether a condition tells of something wrong. */
  readonly isBad: (condition: Condition) => boolean;
};

type Written = {
  readonly uid: string | undefined;
  readonly version: string | undefined;
  readonly status: WrittenStatus;
  readonly at: number;
};

/** Resource versions of one kind are whole numbers that grow, and comparable (KEP-5504). */
const isOlder = (version: string | undefined, than: string | undefined): boolean =>
  version !== undefined && than !== undefined && (version.length === than.length ? version < than : version.length < than.length);

/** A writer for one kind. */
export const createStatusWriter = ({ kube, clock, events, kind, plural, isBad }: StatusWriterOptions): StatusWriter => {
  const written = new Map<string, Written>();

  const known: StatusWriter['known'] = (object) => {
    const mine = written.get(keyOf(object));
    const { uid, resourceVersion } = object.metadata;
    const seen = (object as { readonly status?: Partial<WrittenStatus> }).status ?? {};
    if (mine === undefined || mine.uid !== uid) return { status: seen, writtenAt: undefined };
    return { status: isOlder(resourceVersion, mine.version) ? mine.status : seen, writtenAt: mine.at };
  };

  const tell = (object: KubeObject, before: readonly Condition[], after: readonly Condition[]): void => {
    for (const condition of transitionsOf(before, after)) {
      const bad = isBad(condition);
      // Ready is the sum: what is wrong is told by what it sums up, and it tells when all is well.
      if (condition.type === 'Ready' ? condition.status !== 'True' : !bad) continue;
      events.record({
        regarding: { apiVersion: API_VERSION, kind, metadata: object.metadata },
        type: bad ? 'Warning' : 'Normal',
        reason: condition.reason,
        action: 'Check',
        note: condition.message,
      });
    }
  };

  return {
    known,
    write: async (object, findings, fields) => {
      const { name, namespace = '', uid, generation } = object.metadata;
      const before = known(object).status;
      const conditions = conditionsOf(findings, before.conditions ?? [], generation, clock.now());
      const status: WrittenStatus = {
        ...(generation === undefined ? {} : { observedGeneration: generation }),
        ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
        conditions,
      };
      if (isDeepStrictEqual(status, ourPart(before, status))) return false;
      try {
        const path = `/apis/${API_VERSION}/namespaces/${namespace}/${plural}/${name}/status`;
        // With its uid: of another object under the same name this status says nothing.
        const answer = await kube.apply(path, {
          apiVersion: API_VERSION,
          kind,
          metadata: { name, namespace, ...(uid === undefined ? {} : { uid }) },
          status,
        });
        written.set(keyOf(object), { uid, version: answer.metadata.resourceVersion, status, at: clock.monotonic() });
      } catch (error) {
        if (error instanceof KubeFailure && (error.status === 404 || error.status === 409)) return false;
        throw error;
      }
      tell(object, before.conditions ?? [], conditions);
      return true;
    },
    forget: (key) => void written.delete(key),
  };
};

/** What of a status is about what we write: others may add to it. */
const ourPart = (before: Partial<WrittenStatus>, { conditions, ...fields }: WrittenStatus): unknown => ({
  ...Object.fromEntries(Object.keys(fields).map((name) => [name, before[name]])),
  conditions: conditions.map(({ type }) => before.conditions?.find((condition) => condition.type === type)),
});
