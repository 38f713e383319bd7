import type { AuditParameter } from '../../kernel/audit-record.ts';
import type { Judge, PreparedByText, SessionState, StatementEffect, Uncommitted } from '../policy/judgement.ts';
import { revisionWith } from '../policy/uncommitted.ts';
import type { ResultShape } from '../detect/inspection.ts';
import type { TransactionStatus } from '../wire/server-status.ts';
import type { Lingering } from './error-fields.ts';
import type { Consequence, Expectations } from './expectations.ts';
import { type NameChange, type NameLookup, NameRegistry } from './name-registry.ts';
import type { ResultSize } from './result-limit.ts';
import { type StatementText, weightOfParameters } from './running-statement.ts';
import { Definitions } from './definitions.ts';
import { SearchPath } from './search-path.ts';

/** A prepared statement of the server session. */
export type Statement = {
  /** Replaced where it is judged again and the text that is sent stays the same. */
  text: StatementText;
  /** Of the Parse message; undefined where SQL PREPARE made it. */
  readonly parameterTypes: readonly number[] | undefined;
  /** What was sent where SQL made it by a text of its own, so that it can be judged again. */
  readonly made?: string;
};

/** `asked`: that it be described for our own sake is on its way. */
export type PortalShape = ResultShape & { asked: boolean };

export const newShape = (): PortalShape => ({ columns: undefined, asked: false });

/** A portal or cursor of the server session. */
export type Portal = {
  readonly statement: Statement;
  readonly parameters: readonly AuditParameter[];
  /** Of all its portions. */
  readonly size: ResultSize;
  /** Filled in when it is described, where values are looked into. */
  readonly shape: PortalShape;
  /** The same, as rules count it. */
  readonly watched: ResultSize;
  /** SQL DECLARE made it: it may outlive the transaction (WITH HOLD). */
  readonly declared: boolean;
  /** How many messages that can end a cursor were sent before it was made. */
  readonly endings: number;
};

/** What a judge was shown, and whether it looked at something that is not certain yet. */
export type Probe = {
  readonly state: SessionState;
  readonly uncertain: () => boolean;
  /** The statements that it asked for by name. */
  readonly asked: readonly Statement[];
};

/** `constraintsMayTell`: of what is hidden, when deferred ones are checked (`probes.ts`). */
type Left = Lingering & { readonly constraintsMayTell: boolean };

const NOTHING_LINGERS: Left = { cursorMayFail: false, insideMayTell: false, constraintsMayTell: false };

/** Holdable cursors that may be remembered; forgotten ones are refused as unknown. */
const CURSOR_LIMIT = 1000;

/** About what an entry takes besides its text. */
const ENTRY = 1024;

// The text as it came and as it is sent; the judgement may be the cache's as well, but this keeps it alive.
const weightOfStatement = ({ text }: Statement): number => ENTRY + text.sql.length + 2 * (text.judged?.sent.length ?? 0);

const weightOfPortal = ({ parameters }: Portal): number => ENTRY + weightOfParameters(parameters);

/** What we know of the server session: names, search_path, transaction status. */
export class ServerState {
  readonly statements = new NameRegistry<Statement>(weightOfStatement);
  readonly portals = new NameRegistry<Portal>(weightOfPortal);
  readonly path = new SearchPath();
  readonly definitions = new Definitions();
  status: TransactionStatus = 'Idle';
  /**
   * `cursorMayFail`: the transaction has declared a cursor whose errors are withheld. It can fail at any FETCH, and at the end of the
   * transaction (WITH HOLD), which may be the answer to a Sync. `insideMayTell`: it has written what triggers must not tell of, and
   * deferred ones run at its end.
   */
  lingering = NOTHING_LINGERS;
  /** How many transactions have ended. */
  transactionsEnded = 0;
  /** Of the message at hand: messages up to a Sync or Query fail together. */
  segment = 0;
  /** The segment of the first message that was let through and is not sent yet. */
  unsent: number | undefined;
  readonly #judge: Judge;
  readonly #expectations: Expectations;
  readonly #startupPath: readonly string[] | undefined;

  constructor(judge: Judge, expectations: Expectations, startupPath: readonly string[] | undefined) {
    this.#judge = judge;
    this.#expectations = expectations;
    this.#startupPath = startupPath;
  }

  /** About how many bytes are held for what the client left open. */
  get weight(): number {
    return this.statements.weight + this.portals.weight + (this.path.savepoints + this.definitions.size) * ENTRY;
  }

  /** Some message of an earlier segment is not answered, or not so much as sent: a Sync on its way may end a transaction. */
  #earlierOpen(): boolean {
    return (this.unsent !== undefined && this.unsent < this.segment) || !this.#expectations.settledBefore(this.segment);
  }

  /** The state that the message at hand will meet, if all before it succeeds. */
  probe(): Probe {
    let uncertain = false;
    const asked: Statement[] = [];
    const prepared = (found: NameLookup<{ readonly prepared: PreparedByText }>): PreparedByText | undefined => {
      uncertain ||= found.type === 'Uncertain';
      return found.value?.prepared;
    };
    const text = <T>(found: NameLookup<T>, of: (value: T) => Statement): NameLookup<{ prepared: PreparedByText }> => {
      if (found.value !== undefined) asked.push(of(found.value));
      return { type: found.type, value: found.value === undefined ? undefined : { prepared: of(found.value).text.prepared } };
    };
    const searchPath = (): readonly string[] => {
      const { path, certain } = this.path.inForce(this.segment, this.#earlierOpen());
      uncertain ||= !certain;
      return path ?? this.#startupPath ?? this.#judge.defaultSearchPath();
    };
    const uncommitted = (): Uncommitted => {
      const found = this.definitions.inForce(this.segment, this.#earlierOpen());
      uncertain ||= !found.certain;
      return found.state;
    };
    return {
      state: {
        get uncommitted() {
          return uncommitted();
        },
        get searchPath() {
          return searchPath();
        },
        prepared: (name) => prepared(text(this.statements.lookup(name, this.segment), (statement) => statement)),
        cursor: (name) => prepared(text(this.portals.lookup(name, this.segment), (portal) => portal.statement)),
      },
      uncertain: () => uncertain,
      asked,
    };
  }

  /** Of what is judged for the message at hand. */
  revision(): string {
    const revision = this.#judge.revision();
    if (this.definitions.idle) {
      return revision;
    }
    return revisionWith(revision, this.definitions.inForce(this.segment, true).state.changes);
  }

  changeStatement(name: string | undefined, value: Statement | undefined): Consequence {
    return new NameConsequence(this.statements, this.statements.propose(name, value, this.segment));
  }

  changePortal(name: string | undefined, value: Portal | undefined): Consequence {
    return new NameConsequence(this.portals, this.portals.propose(name, value, this.segment));
  }

  /** What comes true when the server confirms a command with this effect. `made`: what is sent, where it is a text of its own. */
  effect(effect: StatementEffect, sql: Buffer, made?: string): Consequence {
    if (effect.type === 'None') {
      return NO_CONSEQUENCE;
    }
    const all: Consequence[] = [];
    const pending = this.path.propose(effect, this.segment);
    if (pending !== undefined) {
      all.push({
        // A portal that has come to its end before is not run again.
        confirm: (tag) => (tag === 'SELECT 0' ? this.path.discard(pending) : this.path.confirm(pending, tag)),
        discard: () => this.path.discard(pending),
      });
    }
    const defined = this.definitions.propose(effect, this.segment);
    if (defined !== undefined) {
      all.push({ confirm: (tag) => this.definitions.confirm(defined, tag), discard: () => this.definitions.discard(defined) });
    }
    switch (effect.type) {
      case 'Prepare':
        all.push(this.changeStatement(effect.name, madeBySql(sql, effect.prepared, made)));
        break;
      case 'Deallocate':
        all.push(this.changeStatement(effect.name, undefined));
        break;
      case 'Declare':
        all.push(
          this.changePortal(effect.name, {
            statement: madeBySql(sql, effect.prepared, made),
            parameters: [],
            size: { rows: 0, bytes: 0 },
            shape: newShape(),
            watched: { rows: 0, bytes: 0 },
            declared: true,
            endings: 0,
          }),
        );
        if (effect.prepared.withholdErrors) {
          all.push({ confirm: () => (this.lingering = { ...this.lingering, cursorMayFail: true }), discard: () => undefined });
        }
        break;
      case 'CloseCursor':
        all.push(this.changePortal(effect.name, undefined));
        break;
      case 'DiscardAll':
        all.push(this.changeStatement(undefined, undefined), this.changePortal(undefined, undefined));
        break;
      case 'Execute':
      case 'Fetch':
      case 'SetSearchPath':
      case 'ResetAll':
      case 'Define':
      case 'DiscardTemporary':
        break;
      case 'Transaction':
        // AND CHAIN leaves no idle moment between two of them.
        if (effect.action === 'Commit' || effect.action === 'Rollback') {
          all.push({ confirm: () => (this.transactionsEnded += 1), discard: () => undefined });
        }
        break;
      default:
        effect satisfies never;
    }
    return {
      confirm: (tag) => {
        for (const one of all) one.confirm(tag);
      },
      discard: () => {
        for (const one of all) one.discard();
      },
    };
  }

  ready(status: TransactionStatus): void {
    this.status = status;
    this.path.ready(status);
    if (this.definitions.ready(status)) {
      this.#judge.defined?.();
    }
    if (status === 'Idle') {
      this.transactionsEnded += 1;
      this.lingering = NOTHING_LINGERS;
      // Portals end with their transaction. Which cursors are WITH HOLD is not known: a name too many is harmless.
      this.portals.retain((portal) => portal.declared, CURSOR_LIMIT);
    }
  }
}

const madeBySql = (sql: Buffer, prepared: PreparedByText, made: string | undefined): Statement => ({
  ...(made !== undefined && { made }),
  text: { sql, judged: undefined, prepared },
  parameterTypes: undefined,
});

class NameConsequence<T> implements Consequence {
  readonly #registry: NameRegistry<T>;
  readonly #change: NameChange<T>;

  constructor(registry: NameRegistry<T>, change: NameChange<T>) {
    this.#registry = registry;
    this.#change = change;
  }

  confirm(): void {
    this.#registry.confirm(this.#change);
  }

  discard(): void {
    this.#registry.discard(this.#change);
  }
}

/** Of a command that changes nothing that we follow. */
const NO_CONSEQUENCE: Consequence = { confirm: () => undefined, discard: () => undefined };
