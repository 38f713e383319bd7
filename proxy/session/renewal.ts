import type { StatementDecided } from '../../kernel/audit-record.ts';
import { portalUnknown, staleStatement } from '../../kernel/failure.ts';
import type { Allowed, Judged } from '../policy/judgement.ts';
import { encodeClose } from '../wire/describe-close.ts';
import { encodeParse } from '../wire/parse.ts';
import type { FrontendContext } from './frontend-context.ts';
import type { NameLookup } from './name-registry.ts';
import type { Outbox } from './outbox.ts';
import { decisionRecord, type StatementText, textOf } from './running-statement.ts';
import type { Portal, Statement } from './session-state.ts';

const NO_SQL = Buffer.alloc(0);

/** What a text does to the session, one name for each of its statements. */
export const effectsOf = ({ judged }: StatementText): readonly string[] => judged?.effects.map(({ type }) => type) ?? [];

/** Judges what the client sends, and again what it uses by name: what was let through once is only as good as today's policy. */
export class Renewal {
  readonly #context: FrontendContext;
  readonly #outbox: Outbox;

  constructor(context: FrontendContext, outbox: Outbox) {
    this.#context = context;
    this.#outbox = outbox;
  }

  /** A judgement from nothing but what is certain: where the judge looked at more, it judges again once that is settled. */
  async judge(sql: Buffer, via: 'Query' | 'Parse'): Promise<Judged> {
    const { judge, state, settle } = this.#context;
    const probe = state.probe();
    const judged = await judge.judge(sql, via, probe.state);
    if (!probe.uncertain()) {
      return judged;
    }
    await settle();
    return judge.judge(sql, via, state.probe().state);
  }

  /** Judges once more what has been let through before. Undefined: it was refused. */
  async judgeAgain(text: StatementText, via: StatementDecided['via']): Promise<Allowed | undefined> {
    const began = this.#context.clock.monotonic();
    const judged = await this.judge(text.sql, 'Parse');
    if (judged.decision !== 'Deny') {
      return judged;
    }
    this.#outbox.poison('Parse', judged.failure, decisionRecord(this.#outbox.decided(via), text.sql, judged), began);
    return undefined;
  }

  /** What a name stands for, once that is settled. */
  async certain<T>(lookup: () => NameLookup<T>): Promise<T | undefined> {
    const found = lookup();
    if (found.type === 'Certain') {
      return found.value;
    }
    await this.#context.settle();
    return lookup().value;
  }

  /** INVARIANT: what was judged under another revision is judged again before it is used. Undefined: it was refused. */
  async refresh(name: string, statement: Statement): Promise<Statement | undefined> {
    const { judge } = this.#context;
    const { text, parameterTypes } = statement;
    if (text.prepared.revision === judge.revision()) {
      return statement;
    }
    const what = name === '' ? 'the unnamed prepared statement' : `prepared statement "${name}"`;
    if (text.judged === undefined || parameterTypes === undefined) {
      this.#outbox.refuse('Parse', text.sql, 'Bind', staleStatement(what));
      return undefined;
    }
    const judged = await this.judgeAgain(text, 'Parse');
    if (judged === undefined) {
      return undefined;
    }
    this.#outbox.batch.records.push(decisionRecord(this.#outbox.decided('Parse'), text.sql, judged));
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
    const close = encodeClose('Statement', name);
    this.#outbox.batch.add({
      kind: 'Extended',
      bytes: close,
      expectation: this.#outbox.expect('Close', { swallow: true, consequences: [gone] }),
    });
    const bytes = encodeParse(name, text.judged?.sent ?? '', parameterTypes ?? []);
    const made = state.changeStatement(name, statement);
    this.#outbox.batch.add({
      kind: 'Extended',
      bytes,
      expectation: this.#outbox.expect('Parse', { swallow: true, text, consequences: [made] }),
    });
  }

  /** The portal if it may go on: one whose text would be another today is refused. Undefined: it was refused. */
  async currentPortal(name: string, kind: 'Describe' | 'Execute'): Promise<Portal | undefined> {
    const { judge, state } = this.#context;
    const portal = await this.certain(() => state.portals.lookup(name, state.segment));
    if (portal === undefined) {
      this.#outbox.refuse('Parse', NO_SQL, kind, portalUnknown(name));
      return undefined;
    }
    const { text } = portal.statement;
    // INVARIANT: what a text runs by name (EXECUTE, FETCH) may be another one by now, so that it is judged again.
    const byName = kind === 'Execute' && effectsOf(text).some((type) => type === 'Execute' || type === 'Fetch');
    if (text.prepared.revision === judge.revision() && !byName) {
      return portal;
    }
    const called = name === '' ? 'the unnamed portal' : `portal "${name}"`;
    const stale = (): void => this.#outbox.refuse('Parse', text.sql, kind, staleStatement(called));
    if (text.judged === undefined) {
      stale();
      return undefined;
    }
    const judged = await this.judgeAgain(text, 'Execute');
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
