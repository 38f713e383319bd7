import type { StatementEffect } from '../policy/judgement.ts';
import type { TransactionStatus } from '../wire/server-status.ts';
import { Followed, type PendingEffect } from './followed.ts';

/** A value of search_path; `path` undefined: the session's default. */
type Value = { readonly path: readonly string[] | undefined };

type Level = {
  readonly session: Value;
  /** SET LOCAL: until the end of the transaction. */
  readonly local: Value | undefined;
};

/** A savepoint and those below it, each as it was made: making one costs the same however many there are. */
type Savepoint = Level & { readonly name: string; readonly below: Savepoint | undefined; readonly depth: number };

/** The search_path with what a rollback would bring back. */
export type PathState = Level & {
  /** The session's value when the transaction began. */
  readonly base: Value;
  /** The newest. */
  readonly savepoint: Savepoint | undefined;
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
  savepoint: undefined,
  failed: false,
  changed: false,
};

/** The path in force; undefined: the session's default. */
export const pathInForce = (state: PathState): readonly string[] | undefined => (state.local ?? state.session).path;

const settled = (session: Value): PathState => ({ ...initialPath, session, base: session });

/** Between transactions, nothing has been touched since the last one. */
const isSettled = (state: PathState): boolean =>
  !state.changed && !state.failed && state.local === undefined && state.savepoint === undefined && state.base === state.session;

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
  const named = (): Savepoint | undefined => {
    let found = state.savepoint;
    while (found !== undefined && found.name !== name) {
      found = found.below;
    }
    return found;
  };
  switch (action) {
    case 'Begin':
      return state;
    case 'Commit':
      return settled(state.failed ? state.base : state.session);
    case 'Rollback':
      return settled(state.base);
    case 'Savepoint': {
      const { session, local, savepoint: below } = state;
      return { ...state, savepoint: { name, session, local, below, depth: (below?.depth ?? 0) + 1 } };
    }
    case 'Release': {
      const savepoint = named();
      return savepoint === undefined ? state : { ...state, savepoint: savepoint.below };
    }
    case 'RollbackTo': {
      const savepoint = named();
      return savepoint === undefined ? state : { ...state, session: savepoint.session, local: savepoint.local, savepoint, failed: false };
    }
    default:
      return action satisfies never;
  }
};

/** An error undoes what was set since the savepoint, or since the transaction began. */
export const applyError = (state: PathState): PathState => {
  const level = state.savepoint ?? { session: state.base, local: undefined };
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

const setsPath = ({ type }: StatementEffect): boolean => type === 'SetSearchPath' || type === 'ResetAll' || type === 'DiscardAll';

/** Follows the search_path of a session as the server confirms what was sent. */
export class SearchPath {
  readonly #followed = new Followed(initialPath, { sets: setsPath, afterEffect: applyEffect, afterError: applyError });

  /** How many savepoints there are, or may be. */
  get savepoints(): number {
    return (this.#followed.state.savepoint?.depth ?? 0) + this.#followed.waiting;
  }

  /** What was sent and is not answered may set the path, or begin or end a transaction. */
  get waits(): boolean {
    return this.#followed.waiting > 0;
  }

  /**
   * The path that a message of `segment` will meet. Not certain where an earlier segment may still change it;
   * `earlierOpen`: some message of an earlier segment is not answered.
   */
  inForce(segment: number, earlierOpen: boolean): { readonly path: readonly string[] | undefined; readonly certain: boolean } {
    const { ahead, setting, state } = this.#followed;
    const certain = !((setting !== undefined && setting.segment < segment) || (earlierOpen && state.changed));
    return { path: pathInForce(ahead), certain };
  }

  /** Undefined where the effect is none of the path's business. */
  propose(effect: StatementEffect, segment: number): PendingEffect | undefined {
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

  ready(status: TransactionStatus): void {
    this.#followed.become(applyReady(this.#followed.state, status));
  }
}
