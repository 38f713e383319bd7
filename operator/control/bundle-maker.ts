/**
 * The bundle of each pod. Whatever pods have in common is worked out once.
 */
import { CONNECTION_ANNOTATION } from '../../kernel/cluster-names.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Document, PodIdentity } from '../../kernel/control.ts';
import type { OperatorConfig } from '../config.ts';
import { type KubeObject, keyOf } from '../kube/kube.ts';
import { agentConnections } from '../specs/agent-connections.ts';
import * as spec from '../specs/bundle.ts';
import { selectsPod } from '../specs/selects-pod.ts';
import { keptFromAgents } from '../specs/verified-server.ts';
import type { ConnectionObject, PodObject, PolicyObject, World } from '../world.ts';
import type { MaskSecret } from './mask-secrets.ts';

export type MadeBundle = {
  readonly type: 'Bundle';
  readonly revision: string;
  readonly line: string;
  /** The policies in it, by `namespace/name`, with their generation. */
  readonly policies: ReadonlyMap<string, number>;
};

export type Made =
  | MadeBundle
  | { readonly type: 'Revoked'; readonly reason: string }
  /** A Secret has not been read yet: its source will tell when it has been. */
  | { readonly type: 'Pending' };

export type BundleMakerOptions = {
  readonly world: Pick<World, 'connections' | 'namespaces'>;
  readonly policies: (namespace: string) => readonly PolicyObject[];
  readonly secret: (key: string) => MaskSecret;
  readonly staleAfter: number;
  readonly connections: OperatorConfig['connections'];
  readonly clock: Clock;
  /** Told once of each policy that is left out, and why. */
  readonly onLeftOut: (policy: string, problem: string) => void;
};

/** What all pods of a namespace get that name the same connections and that the same policies select. */
type Common =
  | { readonly type: 'Documents'; readonly part: spec.BundlePart; readonly policies: ReadonlyMap<string, number> }
  | { readonly type: 'Pending' };

/** Policies whose problem is remembered, so that it is told once; names of those that are gone stay for a while. */
const MOST_LEFT_OUT = 10_000;

const PENDING = { type: 'Pending' } as const;

export class BundleMaker {
  readonly #options: BundleMakerOptions;
  readonly #parts = new WeakMap<KubeObject, spec.BundlePart>();
  readonly #verdicts = new WeakMap<PolicyObject, { readonly around: string; readonly problems: readonly string[] }>();
  readonly #common = new Map<string, Common>();
  readonly #leftOut = new Map<string, string>();

  constructor(options: BundleMakerOptions) {
    this.#options = options;
  }

  /** INVARIANT: called at each change of anything that bundles are made of, before the next is made. */
  forget(): void {
    this.#common.clear();
  }

  make(pod: PodObject, identity: PodIdentity): Made {
    const { namespace } = identity;
    const named = agentConnections(pod.metadata.annotations?.[CONNECTION_ANNOTATION], namespace);
    if (!named.ok) return { type: 'Revoked', reason: named.problem };
    const keys = named.connections.map((connection) => `${connection.namespace}/${connection.name}`);
    const selected = this.#options.policies(namespace).filter((policy) => selectsPod(policy.spec, pod));
    // Not by the pod's labels: some have one of their own.
    const id = JSON.stringify([namespace, keys, selected.map(keyOf)]);
    const common = this.#common.get(id) ?? this.#make(namespace, keys, selected);
    this.#common.set(id, common);
    if (common.type === 'Pending') return common;
    return { type: 'Bundle', ...spec.bundleLine(identity, this.#options.staleAfter, common.part), policies: common.policies };
  }

  #make(namespace: string, keys: readonly string[], selected: readonly PolicyObject[]): Common {
    const { world, secret, connections } = this.#options;
    const own = spec.namespaceDocument(namespace, world.namespaces.get(namespace));
    const parts: spec.BundlePart[] = [spec.bundlePart(own)];
    const sent = new Map<string, number>();
    const secrets = new Map<string, Set<string>>();
    for (const key of keys) {
      const connection = world.connections.get(key);
      if (connection === undefined || !spec.allows(connection, own)) continue;
      // INVARIANT: a sidecar that could be led elsewhere hears of no connection, though it may have its credentials still.
      if (keptFromAgents(key, connection.spec, connections.allowUnverifiedServers) !== undefined) continue;
      parts.push(this.#part(connection, spec.connectionDocument));
      const accepted = this.#accepted(
        selected.filter((policy) => spec.policyConnection(policy) === key),
        connection,
        own,
      );
      if (accepted === 'Pending') return PENDING;
      for (const policy of accepted) {
        parts.push(this.#part(policy, spec.policyDocument));
        sent.set(keyOf(policy), policy.metadata.generation ?? 0);
        for (const [name, names] of spec.maskKeys(policy.spec)) {
          secrets.set(name, new Set([...(secrets.get(name) ?? []), ...names]));
        }
      }
    }
    for (const [name, names] of [...secrets].toSorted(([left], [right]) => (left < right ? -1 : 1))) {
      const found = secret(`${namespace}/${name}`);
      if (found.type === 'Found')
        parts.push(spec.bundlePart(spec.secretDocument(`${namespace}/${name}`, found.data, [...names].toSorted())));
    }
    return { type: 'Documents', part: spec.joinParts(parts), policies: sent };
  }

  /** Those that sidecars can read. Where the others would be wider without one that they cannot, none is. */
  #accepted(policies: readonly PolicyObject[], connection: ConnectionObject, own: Document): readonly PolicyObject[] | 'Pending' {
    const accepted: PolicyObject[] = [];
    const refused = new Map<PolicyObject, string>();
    for (const policy of policies) {
      const problems = this.#problems(policy, connection, own);
      if (problems === 'Pending') return problems;
      if (problems.length > 0) refused.set(policy, problems.join('; '));
      else {
        accepted.push(policy);
        this.#leftOut.delete(keyOf(policy));
      }
    }
    let held = false;
    for (const [policy, problem] of refused) {
      const holds = accepted.length > 0 && !this.#isOver(policy) && spec.restricts(policy, accepted);
      held ||= holds;
      const beside = `; it restricts what other policies allow, so that its pods have nothing of ${keyOf(connection)} until it is put right`;
      this.#leave(keyOf(policy), holds ? `${problem}${beside}` : problem);
    }
    return held ? [] : accepted;
  }

  #problems(policy: PolicyObject, connection: ConnectionObject, own: Document): readonly string[] | 'Pending' {
    const namespace = own.metadata.name;
    const secrets: Document[] = [];
    for (const [name, keys] of spec.maskKeys(policy.spec)) {
      const secret = this.#options.secret(`${namespace}/${name}`);
      if (secret.type === 'Unknown') return 'Pending';
      if (secret.type === 'Found') secrets.push(spec.secretDocument(`${namespace}/${name}`, secret.data, keys));
    }
    const around = [own, spec.connectionDocument(connection), ...secrets];
    const { digest } = spec.joinParts(around.map(spec.bundlePart));
    const known = this.#verdicts.get(policy);
    if (known?.around === digest) return known.problems;
    const problems = spec.policyProblems(policy, around);
    this.#verdicts.set(policy, { around: digest, problems });
    return problems;
  }

  #isOver({ spec: { validity } }: PolicyObject): boolean {
    return validity?.notAfter !== undefined && Date.parse(validity.notAfter) <= this.#options.clock.now().getTime();
  }

  #part<T extends KubeObject>(object: T, document: (object: T) => Document): spec.BundlePart {
    const part = this.#parts.get(object) ?? spec.bundlePart(document(object));
    this.#parts.set(object, part);
    return part;
  }

  #leave(key: string, problem: string): void {
    if (this.#leftOut.get(key) === problem) return;
    if (this.#leftOut.size >= MOST_LEFT_OUT) this.#leftOut.clear();
    this.#leftOut.set(key, problem);
    this.#options.onLeftOut(key, problem);
  }
}
