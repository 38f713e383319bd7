import type { StatementEffect } from '../policy/judgement.ts';
import type { TransactionStatus } from '../wire/server-status.ts';

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

type PendingEffect = { readonly segment: number; readonly effect: StatementEffect };

const touchesPath = (effect: StatementEffect): boolean =>
  effect.type === 'SetSearchPath' || effect.type === 'ResetAll' || effect.type === 'DiscardAll' || effect.type === 'Transaction';

const setsPath = (effect: StatementEffect): boolean => touchesPath(effect) && effect.type !== 'Transaction';

/** Follows the search_path of a session as the server confirms what was sent. */
export class SearchPath {
  #state: PathState = initialPath;
  /** In the order of the segments. */
  readonly #pending: PendingEffect[] = [];
  /** Those of them that set the path themselves. */
  readonly #setting: PendingEffect[] = [];
  /** The state when all that is pending has come true; undefined: not known at present. */
  #ahead: PathState | undefined;

  /** How many savepoints there are, or may be. */
  get savepoints(): number {
    return (this.#state.savepoint?.depth ?? 0) + this.#pending.length;
  }

  /**
   * The path that a message of `segment` will meet. Not certain where an earlier segment may still change it;
   * `earlierOpen`: some message of an earlier segment is not answered.
   */
  inForce(segment: number, earlierOpen: boolean): { readonly path: readonly string[] | undefined; readonly certain: boolean } {
    const [setting] = this.#setting;
    const certain = !((setting !== undefined && setting.segment < segment) || (earlierOpen && this.#state.changed));
    this.#ahead ??= this.#pending.reduce((reached, { effect }) => applyEffect(reached, effect), this.#state);
    return { path: pathInForce(this.#ahead), certain };
  }

  /** Undefined where the effect is none of the path's business. */
  propose(effect: StatementEffect, segment: number): PendingEffect | undefined {
    if (!touchesPath(effect)) {
      return undefined;
    }
    const pending = { segment, effect };
    this.#pending.push(pending);
    if (setsPath(effect)) {
      this.#setting.push(pending);
    }
    this.#ahead = this.#ahead === undefined ? undefined : applyEffect(this.#ahead, effect);
    return pending;
  }

  /** `tag` of CommandComplete: a COMMIT that answers ROLLBACK was one. */
  confirm(pending: PendingEffect, tag: string): void {
    const ahead = pending === this.#pending[0] ? this.#ahead : undefined;
    this.discard(pending);
    const { effect } = pending;
    const rolledBack = effect.type === 'Transaction' && effect.action === 'Commit' && tag === 'ROLLBACK';
    this.#become(applyEffect(this.#state, rolledBack ? { ...effect, action: 'Rollback' } : effect));
    // What was to come has come, and what comes after it is still the same.
    this.#ahead = rolledBack ? undefined : ahead;
  }

  discard(pending: PendingEffect): void {
    remove(this.#pending, pending);
    remove(this.#setting, pending);
    this.#ahead = undefined;
  }

  failed(): void {
    this.#become(applyError(this.#state));
  }

  ready(status: TransactionStatus): void {
    this.#become(applyReady(this.#state, status));
  }

  #become(state: PathState): void {
    if (state !== this.#state) {
      this.#state = state;
      this.#ahead = undefined;
    }
  }
}

/** Nearly always it is the first. */
const remove = <T>(from: T[], value: T): void => {
  const index = from.indexOf(value);
  if (index === 0) {
    from.shift();
  } else if (index > 0) {
    from.splice(index, 1);
  }
};
