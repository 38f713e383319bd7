import type { StatementDecided } from '../../kernel/audit-record.ts';
import { type Failure, portalUnknown, staleStatement, statementOfOtherPath } from '../../kernel/failure.ts';
import { type Allowed, isOfPath, type Judged, type StatementEffect } from '../policy/judgement.ts';
import { encodeClose } from '../wire/describe-close.ts';
import { encodeParse } from '../wire/parse.ts';
import { Span } from '../wire/span.ts';
import type { FrontendContext } from './frontend-context.ts';
import type { NameRegistry } from './name-registry.ts';
import type { Outbox } from './outbox.ts';
import { decisionRecord, type StatementText, textOf } from './running-statement.ts';
import type { Portal, Probe, Statement } from './session-state.ts';
import { type Known, whenKnown } from './when-known.ts';

const NO_SQL = Buffer.alloc(0);

/** Failures of what was judged under other circumstances. */
const STALE: ReadonlySet<string> = new Set(['stale-statement', 'statement-of-other-path']);

/** Whether one of the statements of a text has this effect on the session. */
export const runs = ({ judged }: StatementText, effect: StatementEffect['type']): boolean =>
  judged?.effects.some(({ type }) => type === effect) ?? false;

/** Judges what the client sends, and again what it uses by name: what was let through once is only as good as today's policy. */
export class Renewal {
  readonly #context: FrontendContext;
  readonly #outbox: Outbox;

  constructor(context: FrontendContext, outbox: Outbox) {
    this.#context = context;
    this.#outbox = outbox;
  }

  /**
   * A judgement from nothing but what is certain: where the judge looked at more, it judges again once that is settled. What it runs by
   * name was perhaps judged before policy or catalog changed, and would still be the same: then it is taken for that.
   */
  judge(sql: Buffer, via: 'Query' | 'Parse', parameterTypes?: readonly number[]): Known<Judged> {
    const { judge, state, settle } = this.#context;
    const attempt = (): Known<{ readonly judged: Judged; readonly probe: Probe }> => {
      const probe = state.probe();
      const seen = parameterTypes === undefined ? probe.state : { ...probe.state, parameterTypes };
      return whenKnown(judge.judge(sql, via, seen), (judged) => ({ judged, probe }));
    };
    const certain = whenKnown(attempt(), (found) => (found.probe.uncertain() ? settle().then(attempt) : found));
    return whenKnown(certain, ({ judged, probe }) =>
      judged.decision === 'Deny' && STALE.has(judged.failure.fields.code)
        ? this.#renewMade(probe.asked)
            .then(attempt)
            .then((found) => found.judged)
        : judged,
    );
  }

  /** Judges again what SQL made, PREPARE or DECLARE, where what would be sent for it is still the same. */
  async #renewMade(statements: readonly Statement[]): Promise<void> {
    const { judge, state } = this.#context;
    for (const statement of statements) {
      const { made, text } = statement;
      const judged = made === undefined ? undefined : await judge.judge(text.sql, 'Query', state.probe().state);
      const effect = judged === undefined || judged.decision === 'Deny' || judged.sent !== made ? undefined : judged.effects[0];
      if (effect?.type === 'Prepare' || effect?.type === 'Declare') {
        statement.text = { ...text, prepared: effect.prepared };
      }
    }
  }

  /** Judges once more what has been let through before. Undefined: it was refused. */
  async judgeAgain(
    text: StatementText,
    via: StatementDecided['via'],
    parameterTypes: readonly number[] | undefined,
  ): Promise<Allowed | undefined> {
    const began = this.#context.clock.monotonic();
    const judged = await this.judge(text.sql, 'Parse', parameterTypes);
    if (judged.decision !== 'Deny') {
      return judged;
    }
    this.#outbox.poison('Parse', judged.failure, decisionRecord(this.#outbox.decided(via), text.sql, judged), began);
    return undefined;
  }

  /** What a name stands for, once that is settled. */
  certain<T>(names: NameRegistry<T>, name: string): Known<T | undefined> {
    const { state, settle } = this.#context;
    const found = names.lookup(name, state.segment);
    return found.type === 'Certain' ? found.value : settle().then(() => names.lookup(name, state.segment).value);
  }

  /** INVARIANT: what was judged under another revision is judged again before it is used. Undefined: it was refused. */
  refresh(name: string, statement: Statement): Known<Statement | undefined> {
    const { prepared } = statement.text;
    if (prepared.revision !== this.#context.state.revision()) {
      return this.#renew(name, statement, staleStatement);
    }
    // PostgreSQL looks up names again where the search_path is another.
    return prepared.searchPath === undefined
      ? statement
      : whenKnown(this.#path(), (path) => (isOfPath(prepared, path) ? statement : this.#renew(name, statement, statementOfOtherPath)));
  }

  #path(): Known<readonly string[]> {
    const { state, settle } = this.#context;
    const probe = state.probe();
    const { searchPath } = probe.state;
    return probe.uncertain() ? settle().then(() => state.probe().state.searchPath) : searchPath;
  }

  async #renew(name: string, statement: Statement, why: (what: string) => Failure): Promise<Statement | undefined> {
    const { text, parameterTypes } = statement;
    const { state, settle } = this.#context;
    await settle();
    if (state.status === 'Failed' && !state.path.waits) {
      // PostgreSQL refuses it, whatever it is, unless it ends the transaction: it would refuse to parse it again, too.
      return statement;
    }
    const what = name === '' ? 'the unnamed prepared statement' : `prepared statement "${name}"`;
    if (text.judged === undefined || parameterTypes === undefined) {
      await this.#renewMade([statement]);
      if (statement.text !== text) {
        return statement;
      }
      this.#outbox.refuse('Parse', text.sql, 'Bind', why(what));
      return undefined;
    }
    const judged = await this.judgeAgain(text, 'Parse', parameterTypes);
    if (judged === undefined) {
      return undefined;
    }
    this.#outbox.batch.record(decisionRecord(this.#outbox.decided('Parse'), text.sql, judged));
    if (judged.sent === text.judged.sent) {
      // The server has this very text already: only what we know of it is renewed.
      statement.text = textOf(text.sql, judged);
      return statement;
    }
    const current: Statement = { text: textOf(text.sql, judged), parameterTypes };
    this.parseAgain(name, current);
    return current;
  }

  /** Has the server parse what is known under this name, without a word to the client. */
  parseAgain(name: string, statement: Statement): void {
    const { state } = this.#context;
    const { text, parameterTypes } = statement;
    const gone = state.changeStatement(name, undefined);
    const close = new Span(encodeClose('Statement', name));
    this.#outbox.batch.add({
      kind: 'Extended',
      bytes: close,
      expectation: this.#outbox.expect('Close', { swallow: true, consequences: [gone] }),
    });
    const bytes = new Span(encodeParse(name, text.judged?.sent ?? '', parameterTypes ?? []));
    const made = state.changeStatement(name, statement);
    this.#outbox.batch.add({
      kind: 'Extended',
      bytes,
      expectation: this.#outbox.expect('Parse', { swallow: true, text, consequences: [made] }),
    });
  }

  /** The portal if it may go on: one whose text would be another today is refused. Undefined: it was refused. */
  currentPortal(name: string, kind: 'Describe' | 'Execute'): Known<Portal | undefined> {
    const found = this.certain(this.#context.state.portals, name);
    return found instanceof Promise ? found.then((portal) => this.#asOfToday(name, kind, portal)) : this.#asOfToday(name, kind, found);
  }

  #asOfToday(name: string, kind: 'Describe' | 'Execute', portal: Portal | undefined): Known<Portal | undefined> {
    if (portal === undefined) {
      this.#outbox.refuse('Parse', NO_SQL, kind, portalUnknown(name));
      return undefined;
    }
    const { text } = portal.statement;
    // INVARIANT: what a text runs by name (EXECUTE, FETCH) may be another one by now, so that it is judged again.
    const byName = kind === 'Execute' && (runs(text, 'Execute') || runs(text, 'Fetch'));
    return text.prepared.revision === this.#context.state.revision() && !byName ? portal : this.#renewPortal(name, kind, portal);
  }

  async #renewPortal(name: string, kind: 'Describe' | 'Execute', portal: Portal): Promise<Portal | undefined> {
    const { text } = portal.statement;
    const called = name === '' ? 'the unnamed portal' : `portal "${name}"`;
    const stale = (): void => this.#outbox.refuse('Parse', text.sql, kind, staleStatement(called));
    if (text.judged === undefined) {
      stale();
      return undefined;
    }
    const judged = await this.judgeAgain(text, 'Execute', portal.statement.parameterTypes);
    if (judged === undefined) {
      return undefined;
    }
    if (judged.sent !== text.judged.sent) {
      stale();
      return undefined;
    }
    portal.statement.text = textOf(text.sql, judged);
    return portal;
  }
}
