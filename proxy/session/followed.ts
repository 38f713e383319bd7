import type { StatementEffect } from '../policy/judgement.ts';

/** An effect of what was sent, and not answered. */
export type PendingEffect = { readonly segment: number; readonly effect: StatementEffect };

/** How a state changes; what changes nothing returns the same. */
export type FollowRules<State> = {
  /** Is the effect about this state, apart from those of transactions? */
  readonly sets: (effect: StatementEffect) => boolean;
  readonly afterEffect: (state: State, effect: StatementEffect) => State;
  readonly afterError: (state: State) => State;
};

/** Follows what statements, and the transactions that they stand in, do to a state, as the server confirms what was sent. */
export class Followed<State> {
  readonly #rules: FollowRules<State>;
  #state: State;
  /** In the order of the segments. */
  readonly #pending: PendingEffect[] = [];
  /** Those of them that set the state themselves. */
  readonly #setting: PendingEffect[] = [];
  /** The state when all that is pending has come true; undefined: not known at present. */
  #ahead: State | undefined;

  constructor(initial: State, rules: FollowRules<State>) {
    this.#state = initial;
    this.#rules = rules;
  }

  /** As the server has confirmed it. */
  get state(): State {
    return this.#state;
  }

  /** As it will be if all that was sent succeeds. */
  get ahead(): State {
    this.#ahead ??= this.#pending.reduce((reached, { effect }) => this.#rules.afterEffect(reached, effect), this.#state);
    return this.#ahead;
  }

  /** How many effects are not answered. */
  get waiting(): number {
    return this.#pending.length;
  }

  /** The first effect on its way. */
  get first(): PendingEffect | undefined {
    return this.#pending[0];
  }

  /** The first one that sets the state itself. */
  get setting(): PendingEffect | undefined {
    return this.#setting[0];
  }

  /** Undefined where the effect is none of its business. */
  propose(effect: StatementEffect, segment: number): PendingEffect | undefined {
    const sets = this.#rules.sets(effect);
    if (!sets && effect.type !== 'Transaction') {
      return undefined;
    }
    const pending = { segment, effect };
    this.#pending.push(pending);
    if (sets) {
      this.#setting.push(pending);
    }
    this.#ahead = this.#ahead === undefined ? undefined : this.#rules.afterEffect(this.#ahead, effect);
    return pending;
  }

  /** `tag` of CommandComplete: a COMMIT that answers ROLLBACK was one. */
  confirm(pending: PendingEffect, tag: string): void {
    const ahead = pending === this.#pending[0] ? this.#ahead : undefined;
    this.discard(pending);
    const { effect } = pending;
    const rolledBack = effect.type === 'Transaction' && effect.action === 'Commit' && tag === 'ROLLBACK';
    this.become(this.#rules.afterEffect(this.#state, rolledBack ? { ...effect, action: 'Rollback' } : effect));
    // What was to come has come, and what comes after it is still the same.
    this.#ahead = rolledBack ? undefined : ahead;
  }

  discard(pending: PendingEffect): void {
    remove(this.#pending, pending);
    remove(this.#setting, pending);
    this.#ahead = undefined;
  }

  failed(): void {
    this.become(this.#rules.afterError(this.#state));
  }

  /** The server says so. */
  become(state: State): void {
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
