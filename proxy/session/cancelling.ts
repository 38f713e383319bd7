import type { SessionUpstream } from './dependencies.ts';
import type { Expectations } from './expectations.ts';

/** What cancelling needs of its session. */
export type CancellingContext = {
  readonly upstream: Pick<SessionUpstream, 'cancel'>;
  readonly expectations: Pick<Expectations, 'size'>;
  /** Told where the server could not be asked. */
  readonly failed: (error: unknown) => void;
};

/** Asks the server to stop what it works at. INVARIANT: nothing is forwarded while `underWay`, or the request could hit that instead. */
export class Cancelling {
  readonly #context: CancellingContext;
  #underWay: Promise<void> | undefined;

  constructor(context: CancellingContext) {
    this.#context = context;
  }

  /** A request that the server has not taken yet; never rejects. */
  get underWay(): Promise<void> | undefined {
    return this.#underWay;
  }

  /** Resolves when the server has taken the request, or there is nothing to cancel. Several at once are one. Never rejects. */
  async request(): Promise<void> {
    const { upstream, expectations, failed } = this.#context;
    if (expectations.size === 0) {
      return;
    }
    this.#underWay ??= upstream
      .cancel()
      .catch(failed)
      .finally(() => {
        this.#underWay = undefined;
      });
    await this.#underWay;
  }
}
