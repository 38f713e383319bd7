/**
 * Injection: a pod to the patch that puts the sidecar into it, or the reasons why not. Things start here.
 *
 * The sidecar is always the first init container, before those of a service mesh too: whatever runs after it has its database. A mesh's own
 * containers keep their order and work as before; its redirection begins after the sidecar has started. (A mesh that redirects by a CNI plugin
 * does so from the start: such a pod needs the mesh's annotation that leaves the ports of operator and database out.)
 */
import { isDeepStrictEqual } from 'node:util';
import { CONNECTION_ANNOTATION } from '../../kernel/cluster-names.ts';
import { agentConnections } from '../specs/agent-connections.ts';
import { type SidecarSettings, sidecarContainer, sidecarVolumes } from '../specs/sidecar.ts';
import { agentLabel } from './agent-label.ts';
import { missingVariables } from './client-environment.ts';
import { type Operation, insertions, pointer, removals } from './json-patch.ts';
import { keepAdmitted } from './keep-admitted.ts';
import { leaveOut } from './leave-out.ts';
import { CONTAINER_FIELDS, type Json, isObject, listOf, objectOf, textOf } from './pod.ts';
import { candidateOf, refusals } from './refusals.ts';
import { isReservedContainer, isReservedVolume, reservedAnnotations } from './reserved.ts';

export type Injection =
  | { readonly type: 'NotAnAgent' }
  | { readonly type: 'Refused'; readonly reasons: readonly string[] }
  /** An empty patch if the pod is as it has to be. */
  | { readonly type: 'Injected'; readonly patch: readonly Operation[]; readonly warnings: readonly string[] };

const indexesOf = (list: readonly unknown[], belongs: (entry: unknown) => boolean): readonly number[] =>
  list.flatMap((entry, index) => (belongs(entry) ? [index] : []));

/** The list without the reserved, unless `wanted` stands there already as the whole of them (`atStart`: and at its begin). */
const reservedEntries = (
  list: unknown,
  isReserved: (entry: unknown) => boolean,
  wanted: readonly unknown[],
  atStart: boolean,
): { readonly remove: readonly number[]; readonly add: readonly unknown[] } => {
  const entries = listOf(list);
  const reserved = indexesOf(entries, isReserved);
  const inPlace =
    reserved.length === wanted.length &&
    wanted.every((entry, index) => {
      const at = reserved[index] ?? -1;
      return isDeepStrictEqual(entries[at], entry) && (!atStart || at === index);
    });
  return inPlace ? { remove: [], add: [] } : { remove: reserved, add: wanted };
};

/** Mounts of our volumes out, the clients' variables in: for each container of others, at its index before anything is removed. */
const othersPatch = (spec: Json, port: number): readonly Operation[] =>
  CONTAINER_FIELDS.flatMap((field) =>
    listOf(spec[field]).flatMap((entry, index) => {
      if (!isObject(entry) || isReservedContainer(entry)) return [];
      const path = ['spec', field, index];
      return [
        ...['volumeMounts', 'volumeDevices'].flatMap((mounts) =>
          removals([...path, mounts], indexesOf(listOf(entry[mounts]), isReservedVolume)),
        ),
        // First, so that the container's own variables may refer to them: $(PGHOST).
        ...insertions([...path, 'env'], entry['env'], 'first', missingVariables(entry, port)),
      ];
    }),
  );

const sidecarPatch = (spec: Json, container: Json, volumes: readonly Json[]): readonly Operation[] => {
  const init = spec['initContainers'];
  const first = reservedEntries(init, isReservedContainer, [keepAdmitted(container, listOf(init).find(isReservedContainer))], true);
  const added = reservedEntries(spec['volumes'], isReservedVolume, volumes, false);
  return [
    ...removals(['spec', 'containers'], indexesOf(listOf(spec['containers']), isReservedContainer)),
    ...removals(['spec', 'initContainers'], first.remove),
    ...insertions(['spec', 'initContainers'], init, 'first', first.add),
    ...removals(['spec', 'volumes'], added.remove),
    ...insertions(['spec', 'volumes'], spec['volumes'], 'last', added.add),
  ];
};

const replaced = (spec: Json): readonly string[] =>
  listOf(spec['containers']).some(isReservedContainer)
    ? ['container "pg-airlock" was taken out: the name is reserved for the sidecar, which is an init container']
    : [];

/** What is to be done with a pod that is created in `namespace`. Pure; `pod` is what the API server sent, unknown fields included. */
export const injectPod = (pod: unknown, namespace: string, settings: SidecarSettings): Injection => {
  const metadata = objectOf(objectOf(pod)['metadata']);
  const label = agentLabel(metadata);
  if (label.type === 'NoAgent') return { type: 'NotAnAgent' };
  if (label.type === 'Unclear') return { type: 'Refused', reasons: [label.problem] };

  const spec = objectOf(objectOf(pod)['spec']);
  const annotations = objectOf(metadata['annotations']);
  const named = agentConnections(textOf(annotations[CONNECTION_ANNOTATION]), namespace);
  const connections = named.ok ? named.connections : [];
  const reasons = refusals(candidateOf(annotations, spec, { connections, sidecarUid: settings.sidecar.uid }));
  const [first] = connections;
  if (!named.ok) return { type: 'Refused', reasons: [named.problem, ...reasons] };
  if (reasons.length > 0 || first === undefined) return { type: 'Refused', reasons };

  const patch = [
    ...reservedAnnotations(annotations).map((key): Operation => ({ op: 'remove', path: pointer('metadata', 'annotations', key) })),
    ...leaveOut(annotations, listOf(spec['initContainers']).find(isReservedContainer)),
    ...othersPatch(spec, first.port),
    ...sidecarPatch(spec, sidecarContainer(settings, connections), sidecarVolumes(settings, connections)),
  ];
  return { type: 'Injected', patch, warnings: replaced(spec) };
};
