/**
 * All open streams, found by pod and by namespace.
 */
import type { SidecarStream } from './sidecar-stream.ts';

/** A sidecar has one; the other may be what its predecessor, or a connection that broke, has left. */
const MOST_OF_A_POD = 2;

export class Streams {
  readonly #byPod = new Map<string, SidecarStream[]>();
  readonly #byNamespace = new Map<string, Set<SidecarStream>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The newest last. */
  ofPod(pod: string): readonly SidecarStream[] {
    return this.#byPod.get(pod) ?? [];
  }

  ofNamespace(namespace: string): Iterable<SidecarStream> {
    return this.#byNamespace.get(namespace) ?? [];
  }

  *all(): Iterable<SidecarStream> {
    for (const streams of this.#byNamespace.values()) yield* streams;
  }

  namespaces(): Iterable<string> {
    return this.#byNamespace.keys();
  }

  /** The oldest of a pod that has too many ends. */
  add(stream: SidecarStream): void {
    const own = this.#byPod.get(stream.pod) ?? [];
    own.push(stream);
    this.#byPod.set(stream.pod, own);
    const { namespace } = stream.identity;
    const inNamespace = this.#byNamespace.get(namespace) ?? new Set<SidecarStream>();
    inNamespace.add(stream);
    this.#byNamespace.set(namespace, inNamespace);
    this.#size++;
    if (own.length > MOST_OF_A_POD) own[0]?.end();
  }

  remove(stream: SidecarStream): void {
    const own = this.#byPod.get(stream.pod) ?? [];
    const at = own.indexOf(stream);
    if (at < 0) return;
    own.splice(at, 1);
    if (own.length === 0) this.#byPod.delete(stream.pod);
    const inNamespace = this.#byNamespace.get(stream.identity.namespace);
    inNamespace?.delete(stream);
    if (inNamespace?.size === 0) this.#byNamespace.delete(stream.identity.namespace);
    this.#size--;
  }
}
