/**
 * The answer without end to one sidecar. Only its newest bundle ever waits for it to read.
 */
import type { ServerResponse } from 'node:http';
import { type ControlMessage, type PodIdentity, REPLICA_HEADER } from '../../kernel/control.ts';
import type { MadeBundle } from './bundle-maker.ts';

/** Milliseconds that a sidecar may leave a message unread. */
const SLOW = 30_000;

const line = (message: ControlMessage): string => `${JSON.stringify(message)}\n`;

/** Without its text, which a thousand streams would each keep in memory. */
export type SentBundle = Pick<MadeBundle, 'revision' | 'policies'>;

export class SidecarStream {
  readonly identity: PodIdentity;
  /** `namespace/name` of the pod. */
  readonly pod: string;
  readonly #response: ServerResponse;
  #sent: SentBundle | undefined;
  #waiting: MadeBundle | undefined;
  /** Since then it has not read. */
  #full: NodeJS.Timeout | undefined;
  #over = false;
  readonly #began = performance.now();

  constructor(response: ServerResponse, identity: PodIdentity) {
    this.#response = response;
    this.identity = identity;
    this.pod = `${identity.namespace}/${identity.pod}`;
    response.on('drain', () => this.#drained());
    response.once('close', () => {
      this.#over = true;
      clearTimeout(this.#full);
    });
    response.on('error', () => undefined);
    const { localAddress, localPort } = response.socket ?? {};
    const replica =
      localAddress === undefined
        ? {}
        : { [REPLICA_HEADER]: `${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}` };
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store', ...replica });
    response.flushHeaders();
  }

  /** What was sent last. */
  get sent(): SentBundle | undefined {
    return this.#sent;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Sends it, unless it is what was sent last; returns whether it did. */
  send(bundle: MadeBundle): boolean {
    if (this.#over) return false;
    if (this.#full !== undefined) {
      this.#waiting = bundle;
      return false;
    }
    const isNew = this.#sent?.revision !== bundle.revision;
    this.#sent = { revision: bundle.revision, policies: bundle.policies };
    if (isNew) this.#write(bundle.line);
    return isNew;
  }

  ping(): void {
    if (!this.#over && this.#full === undefined) this.#write(line({ type: 'ping', after: Math.round(performance.now() - this.#began) }));
  }

  /** Says that the pod is no agent any more, and ends. */
  revoke(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#response.end(line({ type: 'revoked', reason }));
    this.#lingering();
  }

  /** Ends in order: the sidecar asks again. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#response.end();
    this.#lingering();
  }

  destroy(): void {
    this.#over = true;
    this.#response.destroy();
  }

  #write(text: string): void {
    if (this.#response.write(text)) return;
    this.#full = setTimeout(() => this.destroy(), SLOW);
    this.#full.unref();
  }

  #drained(): void {
    clearTimeout(this.#full);
    this.#full = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) this.send(waiting);
  }

  /** Who does not read the end is left alone after a moment. */
  #lingering(): void {
    clearTimeout(this.#full);
    const timer = setTimeout(() => this.#response.destroy(), 5_000);
    timer.unref();
    this.#response.once('close', () => clearTimeout(timer));
  }
}
