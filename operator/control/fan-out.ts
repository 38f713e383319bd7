/**
 * Brings changes of the world to the streams that they concern. Changes that come together are sent together.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import { CONNECTION_ANNOTATION } from '../../kernel/cluster-names.ts';
import { policyConnection } from '../specs/bundle.ts';
import { agentConnections } from '../specs/agent-connections.ts';
import { selectsPod } from '../specs/selects-pod.ts';
import type { PodObject, PolicyObject, World } from '../world.ts';
import { reasonAgainst } from './agent-pods.ts';
import type { BundleMaker } from './bundle-maker.ts';
import type { SidecarStream } from './sidecar-stream.ts';
import type { Streams } from './streams.ts';

export type FanOutOptions = {
  readonly world: World;
  readonly streams: Streams;
  readonly maker: BundleMaker;
  readonly log: Logger;
  /** Told of each bundle that was sent, and how many milliseconds after the change. */
  readonly onSent: (milliseconds: number) => void;
};

/** Milliseconds that the first of several changes waits for the others. */
const COALESCE = 30;

/** Streams that are served before others get their turn. */
const AT_A_TIME = 100;

const names = (pod: PodObject, connection: string): boolean => {
  const named = agentConnections(pod.metadata.annotations?.[CONNECTION_ANNOTATION], pod.metadata.namespace ?? 'default');
  return !named.ok || named.connections.some(({ namespace, name }) => `${namespace}/${name}` === connection);
};

export class FanOut {
  readonly #options: FanOutOptions;
  readonly #due = new Map<SidecarStream, number>();
  readonly #stops: readonly (() => void)[];
  #timer: NodeJS.Timeout | undefined;
  #working = false;
  #stopped = false;

  constructor(options: FanOutOptions) {
    this.#options = options;
    const { world, maker, streams } = options;
    const changed = (mark: () => void): void => {
      maker.forget();
      mark();
    };
    this.#stops = [
      world.pods.listen(({ key }) => changed(() => this.#mark(streams.ofPod(key)))),
      world.policies.listen(({ key, before, after }) => {
        changed(() =>
          this.#mark(streams.ofNamespace(key.slice(0, key.indexOf('/'))), (pod) => concerns(pod, before) || concerns(pod, after)),
        );
      }),
      world.connections.listen(({ key }) => changed(() => this.#mark(streams.all(), (pod) => names(pod, key)))),
      world.namespaces.listen(({ key }) => changed(() => this.#mark(streams.ofNamespace(key)))),
    ];
  }

  /** A Secret of a namespace has changed. */
  secretChanged(namespace: string): void {
    this.#options.maker.forget();
    this.#mark(this.#options.streams.ofNamespace(namespace));
  }

  /** Sends a stream what it should have now. */
  serve(stream: SidecarStream): boolean {
    const pod = this.#options.world.pods.get(stream.pod);
    const reason = reasonAgainst(pod, stream.identity.uid);
    if (pod === undefined || reason !== undefined) {
      stream.revoke(reason ?? 'The pod is gone.');
      return false;
    }
    const made = this.#options.maker.make(pod, stream.identity);
    switch (made.type) {
      case 'Bundle':
        return stream.send(made);
      case 'Revoked':
        stream.revoke(made.reason);
        return false;
      case 'Pending':
        return false;
      default:
        return made satisfies never;
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
  }

  #mark(streams: Iterable<SidecarStream>, concerned: (pod: PodObject) => boolean = () => true): void {
    const now = performance.now();
    for (const stream of streams) {
      const pod = this.#options.world.pods.get(stream.pod);
      if (pod !== undefined && !concerned(pod)) continue;
      if (!this.#due.has(stream)) this.#due.set(stream, now);
    }
    if (this.#due.size > 0) this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#working || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#flush();
    }, COALESCE);
  }

  async #flush(): Promise<void> {
    this.#working = true;
    let count = 0;
    for (const [stream, since] of this.#due) {
      this.#due.delete(stream);
      try {
        if (this.serve(stream)) this.#options.onSent(performance.now() - since);
      } catch (error) {
        this.#options.log.error({ err: error, pod: stream.pod }, 'could not make the bundle of a pod');
        // INVARIANT: what it had may be what it is to lose: without us it does so in the end.
        stream.destroy();
      }
      if (++count % AT_A_TIME === 0) await nextTurn();
      if (this.#stopped) return;
    }
    this.#working = false;
    if (this.#due.size > 0) this.#schedule();
  }
}

const concerns = (pod: PodObject, policy: PolicyObject | undefined): boolean =>
  policy !== undefined && selectsPod(policy.spec, pod) && names(pod, policyConnection(policy));
