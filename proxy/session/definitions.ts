import { afterEffect, afterError, NOTHING_UNCOMMITTED } from '../policy/uncommitted.ts';
import type { StatementEffect, Uncommitted } from '../policy/judgement.ts';
import type { TransactionStatus } from '../wire/server-status.ts';
import { Followed, type PendingEffect } from './followed.ts';

/** Follows what the session defines in its transaction, as the server confirms it. */
export class Definitions {
  readonly #followed = new Followed(NOTHING_UNCOMMITTED, { sets: ({ type }) => type === 'Define', afterEffect, afterError });
  /** A definition was sent since the last transaction ended. */
  #sent = false;

  /** Nothing is defined, and nothing is on its way. */
  get idle(): boolean {
    return this.#followed.state.changes.length === 0 && this.#followed.setting === undefined;
  }

  /** How many changes are remembered. */
  get size(): number {
    return this.#followed.state.changes.length + this.#followed.state.savepoints.length;
  }

  /** The changes that a message of `segment` will meet. Not certain where an earlier segment may still change them. */
  inForce(segment: number, earlierOpen: boolean): { readonly state: Uncommitted; readonly certain: boolean } {
    if (this.idle) {
      return { state: NOTHING_UNCOMMITTED, certain: true };
    }
    const { ahead, first } = this.#followed;
    return { state: ahead, certain: !earlierOpen && (first === undefined || first.segment >= segment) };
  }

  /** Undefined where the effect says nothing of definitions. */
  propose(effect: StatementEffect, segment: number): PendingEffect | undefined {
    this.#sent ||= effect.type === 'Define';
    return this.#followed.propose(effect, segment);
  }

  confirm(pending: PendingEffect, tag: string): void {
    this.#followed.confirm(pending, tag);
  }

  discard(pending: PendingEffect): void {
    this.#followed.discard(pending);
  }

  failed(): void {
    this.#followed.failed();
  }

  /** True: the transaction has ended and may have changed the catalog. */
  ready(status: TransactionStatus): boolean {
    const { state } = this.#followed;
    if (status !== 'Idle') {
      const failed = status === 'Failed';
      this.#followed.become(state.failed === failed ? state : { ...state, failed });
      return false;
    }
    const sent = this.#sent;
    this.#followed.become(NOTHING_UNCOMMITTED);
    // What is on its way belongs to a transaction to come.
    this.#sent = this.#followed.setting !== undefined;
    return sent;
  }
}
