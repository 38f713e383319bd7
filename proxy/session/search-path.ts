import type { StatementEffect } from '../policy/judgement.ts';
import type { TransactionStatus } from '../wire/server-status.ts';

/** A value of search_path; `path` undefined: the session's default. */
type Value = { readonly path: readonly string[] | undefined };

type Level = {
  readonly session: Value;
  /** SET LOCAL: until the end of the transaction. */
  readonly local: Value | undefined;
};

/** The search_path with what a rollback would bring back. */
export type PathState = Level & {
  /** The session's value when the transaction began. */
  readonly base: Value;
  readonly savepoints: readonly (Level & { readonly name: string })[];
  /** The transaction failed: COMMIT will roll back. */
  readonly failed: boolean;
  /** Something was set since the transaction began. */
  readonly changed: boolean;
};

const DEFAULT: Value = { path: undefined };

export const initialPath: PathState = {
  session: DEFAULT,
  local: undefined,
  base: DEFAULT,
  savepoints: [],
  failed: false,
  changed: false,
};

/** The path in force; undefined: the session's default. */
export const pathInForce = (state: PathState): readonly string[] | undefined => (state.local ?? state.session).path;

const settled = (session: Value): PathState => ({ ...initialPath, session, base: session });

/** Between transactions, nothing has been touched since the last one. */
const isSettled = (state: PathState): boolean =>
  !state.changed && !state.failed && state.local === undefined && state.savepoints.length === 0 && state.base === state.session;

/** What a statement that succeeded does to the path. */
export const applyEffect = (state: PathState, effect: StatementEffect): PathState => {
  switch (effect.type) {
    case 'SetSearchPath': {
      const value = { path: effect.path };
      return effect.local ? { ...state, local: value, changed: true } : { ...state, session: value, local: undefined, changed: true };
    }
    case 'ResetAll':
      return { ...state, session: DEFAULT, local: undefined, changed: true };
    case 'DiscardAll':
      return initialPath;
    case 'Transaction':
      return applyTransaction(state, effect.action, effect.name ?? '');
    default:
      return state;
  }
};

type Action = Extract<StatementEffect, { type: 'Transaction' }>['action'];

const applyTransaction = (state: PathState, action: Action, name: string): PathState => {
  const index = state.savepoints.findLastIndex((savepoint) => savepoint.name === name);
  const savepoint = state.savepoints[index];
  switch (action) {
    case 'Begin':
      return state;
    case 'Commit':
      return settled(state.failed ? state.base : state.session);
    case 'Rollback':
      return settled(state.base);
    case 'Savepoint':
      return { ...state, savepoints: [...state.savepoints, { name, session: state.session, local: state.local }] };
    case 'Release':
      return savepoint === undefined ? state : { ...state, savepoints: state.savepoints.slice(0, index) };
    case 'RollbackTo':
      return savepoint === undefined
        ? state
        : { ...state, session: savepoint.session, local: savepoint.local, savepoints: state.savepoints.slice(0, index + 1), failed: false };
    default:
      return action satisfies never;
  }
};

/** An error undoes what was set since the savepoint, or since the transaction began. */
export const applyError = (state: PathState): PathState => {
  const level = state.savepoints.at(-1) ?? { session: state.base, local: undefined };
  return { ...state, session: level.session, local: level.local, failed: true };
};

/** ReadyForQuery tells whether the transaction goes on. */
export const applyReady = (state: PathState, status: TransactionStatus): PathState => {
  if (status === 'Idle') {
    if (isSettled(state)) {
      return state;
    }
    return settled(state.failed ? state.base : state.session);
  }
  const failed = status === 'Failed';
  return state.failed === failed ? state : { ...state, failed };
};

type PendingEffect = { readonly segment: number; readonly effect: StatementEffect };

const touchesPath = (effect: StatementEffect): boolean =>
  effect.type === 'SetSearchPath' || effect.type === 'ResetAll' || effect.type === 'DiscardAll' || effect.type === 'Transaction';

const setsPath = (effect: StatementEffect): boolean => touchesPath(effect) && effect.type !== 'Transaction';

/** Follows the search_path of a session as the server confirms what was sent. */
export class SearchPath {
  #state: PathState = initialPath;
  #pending: PendingEffect[] = [];

  /** How many savepoints there are, or may be. */
  get savepoints(): number {
    return this.#state.savepoints.length + this.#pending.length;
  }

  /**
   * The path that a message of `segment` will meet. Not certain where an earlier segment may still change it;
   * `earlierOpen`: some message of an earlier segment is not answered.
   */
  inForce(segment: number, earlierOpen: boolean): { readonly path: readonly string[] | undefined; readonly certain: boolean } {
    if (this.#pending.length === 0) {
      return { path: pathInForce(this.#state), certain: !(earlierOpen && this.#state.changed) };
    }
    const earlier = this.#pending.filter((pending) => pending.segment < segment);
    const certain = !(earlier.some(({ effect }) => setsPath(effect)) || (earlierOpen && this.#state.changed));
    const state = this.#pending.reduce((reached, { effect }) => applyEffect(reached, effect), this.#state);
    return { path: pathInForce(state), certain };
  }

  /** Undefined where the effect is none of the path's business. */
  propose(effect: StatementEffect, segment: number): PendingEffect | undefined {
    if (!touchesPath(effect)) {
      return undefined;
    }
    const pending = { segment, effect };
    this.#pending.push(pending);
    return pending;
  }

  /** `tag` of CommandComplete: a COMMIT that answers ROLLBACK was one. */
  confirm(pending: PendingEffect, tag: string): void {
    this.discard(pending);
    const { effect } = pending;
    const rolledBack = effect.type === 'Transaction' && effect.action === 'Commit' && tag === 'ROLLBACK';
    this.#state = applyEffect(this.#state, rolledBack ? { ...effect, action: 'Rollback' } : effect);
  }

  discard(pending: PendingEffect): void {
    this.#pending = this.#pending.filter((other) => other !== pending);
  }

  failed(): void {
    this.#state = applyError(this.#state);
  }

  ready(status: TransactionStatus): void {
    this.#state = applyReady(this.#state, status);
  }
}
