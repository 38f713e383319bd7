import type { StatementEffect } from '../policy/judgement.ts';
import { afterEffect, afterError, NOTHING_UNCOMMITTED, type Uncommitted } from '../policy/uncommitted.ts';
import type { TransactionStatus } from '../wire/server-status.ts';

type PendingEffect = { readonly segment: number; readonly effect: StatementEffect };

/** Follows what the session defines in its transaction, as the server confirms it. */
export class Definitions {
  #state: Uncommitted = NOTHING_UNCOMMITTED;
  #pending: PendingEffect[] = [];
  #sent = false;

  /** Nothing is defined, and nothing is on its way. */
  get idle(): boolean {
    return this.#state.changes.length === 0 && !this.#pending.some(({ effect }) => effect.type === 'Define');
  }

  /** The changes that a message of `segment` will meet. Not certain where an earlier segment may still change them. */
  inForce(segment: number, earlierOpen: boolean): { readonly state: Uncommitted; readonly certain: boolean } {
    if (this.idle) {
      return { state: NOTHING_UNCOMMITTED, certain: true };
    }
    const state = this.#pending.reduce((reached, { effect }) => afterEffect(reached, effect), this.#state);
    return { state, certain: !earlierOpen && !this.#pending.some((pending) => pending.segment < segment) };
  }

  /** Undefined where the effect says nothing of definitions. */
  propose(effect: StatementEffect, segment: number): PendingEffect | undefined {
    if (effect.type !== 'Define' && effect.type !== 'Transaction') {
      return undefined;
    }
    this.#sent ||= effect.type === 'Define';
    const pending = { segment, effect };
    this.#pending.push(pending);
    return pending;
  }

  /** `tag` of CommandComplete: a COMMIT that answers ROLLBACK was one. */
  confirm(pending: PendingEffect, tag: string): void {
    this.discard(pending);
    const { effect } = pending;
    const rolledBack = effect.type === 'Transaction' && effect.action === 'Commit' && tag === 'ROLLBACK';
    this.#state = afterEffect(this.#state, rolledBack ? { ...effect, action: 'Rollback' } : effect);
  }

  discard(pending: PendingEffect): void {
    this.#pending = this.#pending.filter((other) => other !== pending);
  }

  failed(): void {
    this.#state = afterError(this.#state);
  }

  /** True: the transaction has ended and may have changed the catalog. */
  ready(status: TransactionStatus): boolean {
    if (status !== 'Idle') {
      this.#state = { ...this.#state, failed: status === 'Failed' };
      return false;
    }
    const sent = this.#sent;
    this.#state = NOTHING_UNCOMMITTED;
    this.#sent = false;
    return sent;
  }
}
