import type { CatalogChange } from '../catalog/catalog-change.ts';
import { isTemporaryChange } from '../catalog/temporary.ts';
import { afterEffect, afterEnd, afterError, NOTHING_UNCOMMITTED } from '../policy/uncommitted.ts';
import type { StatementEffect, Uncommitted } from '../policy/judgement.ts';
import type { TransactionStatus } from '../wire/server-status.ts';
import { Followed, type PendingEffect } from './followed.ts';

const setsDefinitions = ({ type }: StatementEffect): boolean => type === 'Define' || type === 'DiscardAll' || type === 'DiscardTemporary';

/** May others see another catalog for it? */
const isForAll = (effect: StatementEffect): boolean =>
  effect.type === 'Define' && (effect.changes.length === 0 || !effect.changes.every(isTemporaryChange));

/** Columns of one entry. */
const COLUMNS = 8;

const sizes = new WeakMap<readonly CatalogChange[], number>();

const sizeOf = (changes: readonly CatalogChange[]): number => {
  const columnsOf = (change: CatalogChange): number => (change.type === 'Made' ? change.columns.length : 0);
  const size = sizes.get(changes) ?? changes.reduce((sum, change) => sum + 1 + Math.floor(columnsOf(change) / COLUMNS), 0);
  sizes.set(changes, size);
  return size;
};

/** Follows what the session defines in its transaction, and its temporary relations, as the server confirms it. */
export class Definitions {
  readonly #followed = new Followed(NOTHING_UNCOMMITTED, { sets: setsDefinitions, afterEffect, afterError });
  /** A definition was sent since the last transaction ended. */
  #sent = false;

  /** Nothing is defined, and nothing is on its way. */
  get idle(): boolean {
    return this.#followed.state.changes.length === 0 && this.#followed.setting === undefined;
  }

  /** How many changes are remembered. */
  get size(): number {
    const { changes, savepoints } = this.#followed.state;
    return sizeOf(changes) + savepoints.length;
  }

  /** The changes that a message of `segment` will meet. Not certain where an earlier segment may still change them. */
  inForce(segment: number, earlierOpen: boolean): { readonly state: Uncommitted; readonly certain: boolean } {
    if (this.idle) {
      return { state: NOTHING_UNCOMMITTED, certain: true };
    }
    const { ahead, first, setting, state } = this.#followed;
    // What is as it was when the transaction began stays so, however the transaction ends.
    if (state.changes === state.kept && setting === undefined) {
      return { state: ahead, certain: true };
    }
    return { state: ahead, certain: !earlierOpen && (first === undefined || first.segment >= segment) };
  }

  /** Undefined where the effect says nothing of definitions. */
  propose(effect: StatementEffect, segment: number): PendingEffect | undefined {
    this.#sent ||= isForAll(effect);
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
    this.#followed.become(state === NOTHING_UNCOMMITTED ? state : afterEnd(state));
    // What is on its way belongs to a transaction to come.
    this.#sent = this.#followed.setting !== undefined;
    return sent;
  }
}
