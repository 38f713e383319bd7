/**
 * The judge of one agent on one connection: keeps what texts were judged to be, and notices when that has to be done again.
 */
import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import type { Clock } from '../../kernel/clock.ts';
import { Failure, internalError, sessionRevoked } from '../../kernel/failure.ts';
import type { Bundle, ConnectionKey } from '../../kernel/policy.ts';
import type { CatalogChange } from '../catalog/catalog-change.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { isTemporaryChange } from '../catalog/temporary.ts';
import { type Grants, grantsFor } from '../policy/grants.ts';
import type { Judge, Judged, SessionState } from '../policy/judgement.ts';
import { digestOf, revisionWith } from '../policy/uncommitted.ts';
import type { Scope } from '../scope/scope.ts';
import { Grammar } from '../sql/grammar.ts';
import { readTokens } from '../sql/tokens.ts';
import { JudgementCache } from './cache.ts';
import { type JudgeContext, judgeContext, type JudgeQuestions } from './judge-context.ts';
import { judgeText, type TextJudgement } from './judge-text.ts';
import { JudgementMemory } from './judgement-memory.ts';
import { narrowedContext } from './narrowed.ts';
import { kept, keptEdits, SharedValues, weightOf } from './kept-judgement.ts';
import { LARGE_TEXT, LargeTexts } from './large-texts.ts';
import { TemplateCache } from './template-cache.ts';
import { type Template, templateOf } from './template.ts';

export type JudgeOptions = {
  readonly agent: string;
  readonly connection: ConnectionKey;
  readonly bundle: () => Bundle;
  readonly catalog: CatalogStore;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
};

/** A judgement, and the session as it was judged by. */
type SeenJudgement = { readonly result: TextJudgement; readonly seen: SessionState };

/** What a judgement is kept under. `scope`: all of the key but the text. */
const keyOf = (bytes: Buffer, via: 'Query' | 'Parse', state: SessionState) => {
  const { searchPath, parameterTypes } = state;
  const types = parameterTypes?.some((oid) => oid !== 0) === true ? parameterTypes.join() : '';
  const changes = changesOf(state);
  const own = changes.length === 0 ? '' : digestOf(changes);
  const scope = `${via}${types}\u0000${own}\u0000${searchPath.join('\u0000')}\u0000\u0000`;
  return { key: scope + bytes.toString('latin1'), scope };
};

/** What the transaction has defined, and the temporary relations of the session. */
const changesOf = ({ uncommitted }: SessionState): readonly CatalogChange[] => uncommitted?.changes ?? [];

/** What a transaction has defined is its own, and soon gone; temporary relations stay. */
const isKept = (state: SessionState): boolean => changesOf(state).every(isTemporaryChange);

/**
 * The session as it is now.
 * INVARIANT: it goes on while a text is judged, and what is kept has to have been judged by what it is kept under.
 */
const asSeen = (state: SessionState): SessionState => {
  const { searchPath, parameterTypes, uncommitted } = state;
  return {
    searchPath,
    ...(parameterTypes === undefined ? {} : { parameterTypes }),
    ...(uncommitted === undefined ? {} : { uncommitted }),
    prepared: state.prepared,
    cursor: state.cursor,
  };
};

const CACHE_ENTRIES = 20_000;

/** All agents and connections of the process share it. */
const memory = new JudgementMemory(32 * 1024 * 1024);

/** Bytes of a text that comes again: of those that are longer few would fit. */
const LONGEST_KEPT = 1024 * 1024;

/** Undefined also for what cannot be read, where the judge says why, and for large texts. */
const readTemplate = (bytes: Buffer): Template | undefined => {
  // Reading the tokens of a large text would keep everybody waiting.
  if (bytes.length >= LARGE_TEXT || !isUtf8(bytes) || bytes.includes(0)) return undefined;
  try {
    return templateOf(bytes, readTokens(bytes));
  } catch {
    return undefined;
  }
};

/** Changes of the policies, or the catalog, in the time that one text takes to be judged. */
const MOST_CHANGES = 5;

const grammars = new Map<number, Grammar>();

/** One for all agents of servers of a version: each has megabytes of memory of its own. */
const grammarFor = (serverMajor: number): Grammar => {
  const grammar = grammars.get(serverMajor) ?? new Grammar(serverMajor);
  grammars.set(serverMajor, grammar);
  return grammar;
};

/** One thread for all agents and connections of the process. */
const largeTexts = new LargeTexts();

export class AgentJudge implements Judge {
  readonly #options: JudgeOptions;
  readonly #questions: JudgeQuestions;
  readonly #cache = new JudgementCache<Judged>(CACHE_ENTRIES, memory);
  readonly #templates = new TemplateCache(memory);
  #values = new SharedValues();
  #grammar: Grammar | undefined;
  #bundle: Bundle | undefined;
  #catalogVersion = '';
  #grants: Grants | undefined;
  #revision = '';
  #scopes = new Map<string, Scope>();
  /** The last large text of this agent. */
  #large: Promise<unknown> = Promise.resolve();

  constructor(options: JudgeOptions) {
    this.#options = options;
    const { catalog } = options;
    this.#questions = { probe: (sql) => catalog.probe(sql), estimate: (statement) => catalog.estimate(statement) };
  }

  /** Changes with bundle, catalog, and the beginning or end of a policy. */
  revision(): string {
    this.#follow();
    return this.#revision;
  }

  /** The agent's grants at this moment; undefined when no policy in force names it any more. */
  grants(): Grants | undefined {
    this.#follow();
    return this.#grants;
  }

  defined(): void {
    this.#options.catalog.changed();
  }

  /** A failure is met again, and told, by whoever judges next. */
  renewing(): Promise<void> | undefined {
    return this.#options.catalog.stale ? this.#options.catalog.renewed().catch(() => undefined) : undefined;
  }

  defaultSearchPath(): readonly string[] {
    return this.#options.catalog.current().defaultSearchPath;
  }

  judge(bytes: Buffer, via: 'Query' | 'Parse', state: SessionState): Judged | Promise<Judged> {
    try {
      this.#follow();
    } catch (error) {
      return this.#refuse(error instanceof Failure ? error : internalError(), error);
    }
    if (!isKept(state) || this.#options.catalog.stale) return this.#judge(bytes, via, state);
    const { key, scope } = keyOf(bytes, via, state);
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const template = readTemplate(bytes);
    const alike = template === undefined ? undefined : this.#templates.find(scope, template, bytes);
    return alike ?? this.#judge(bytes, via, state);
  }

  async #judge(bytes: Buffer, via: 'Query' | 'Parse', state: SessionState): Promise<Judged> {
    const { catalog } = this.#options;
    try {
      await catalog.renewed();
      let current = await this.#inForce(bytes, via, state);
      const { unknownNames, defines } = current.result;
      if (unknownNames || defines) {
        // The name may be newer than our idea of the catalog; and a definition is judged by none but the newest.
        if (defines) catalog.changed();
        if (defines) await catalog.renewed();
        else await catalog.refresh();
        if (!this.#isInForce(current)) current = await this.#inForce(bytes, via, state);
      }
      this.#keep(bytes, via, current);
      return current.result.judged;
    } catch (error) {
      return this.#refuse(error instanceof Failure ? error : internalError(), error);
    }
  }

  /** INVARIANT: a text that waited for its judgement, while the policies changed, is judged under those in force. @throws Failure */
  async #inForce(bytes: Buffer, via: 'Query' | 'Parse', state: SessionState): Promise<SeenJudgement> {
    for (let changes = 0; changes <= MOST_CHANGES; changes++) {
      this.#follow();
      const context = this.#context();
      if (context === undefined) throw sessionRevoked('No policy in force names this agent any more.');
      const seen = asSeen(state);
      const current = { result: await this.#judgeText(bytes, via, seen, context), seen };
      if (this.#isInForce(current)) return current;
    }
    throw sessionRevoked('The policies changed.');
  }

  #isInForce({ result, seen }: SeenJudgement): boolean {
    return result.judged.revision === revisionWith(this.revision(), changesOf(seen));
  }

  /** What is judged with definitions of its own transaction is neither kept nor looked up. */
  #keep(bytes: Buffer, via: 'Query' | 'Parse', current: SeenJudgement): void {
    const { judged, cacheable, unknownNames, lesson } = current.result;
    if (!isKept(current.seen) || !cacheable || unknownNames || !this.#isInForce(current)) return;
    if (bytes.length > LONGEST_KEPT) return;
    const { key, scope } = keyOf(bytes, via, current.seen);
    const remembered = kept(judged, this.#values);
    this.#cache.set(key, remembered, weightOf([key, remembered]));
    if (lesson !== undefined)
      this.#templates.learn(scope, { ...lesson, judged: remembered, recordedEdits: keptEdits(lesson.recordedEdits, this.#values) }, bytes);
  }

  async #judgeText(bytes: Buffer, via: 'Query' | 'Parse', state: SessionState, context: JudgeContext): Promise<TextJudgement> {
    if (bytes.length < LARGE_TEXT) return await judgeText(bytes, via, state, context);
    const { catalog, revision, onFault } = context;
    const { grants } = await narrowedContext(context);
    // An agent with many of them waits for itself, not the others for it.
    const judged = this.#large.then(() =>
      largeTexts.judge({ bytes, via, state, basis: { catalog, grants, revision }, questions: this.#questions, onFault }),
    );
    this.#large = judged.catch(() => undefined);
    return await judged;
  }

  #refuse(failure: Failure, error: unknown): Judged {
    if (error !== undefined && !(error instanceof Failure)) this.#options.onFault(error);
    const reasons = [{ code: failure.fields.code, message: failure.message }];
    const empty = { kinds: [], rules: [], relations: [], masked: [], filtered: [], policies: [] };
    return { ...empty, reasons, revision: this.#revision, decision: 'Deny', failure };
  }

  /** Notices a new bundle or catalog, or that a policy began or ended. */
  #follow(): void {
    const { agent, bundle, catalog, clock, connection } = this.#options;
    const newest = bundle();
    const { version, serverMajor } = catalog.current();
    const until = this.#grants?.until ?? Number.POSITIVE_INFINITY;
    // Asked several times for each statement, and few policies end by themselves.
    const ended = until !== Number.POSITIVE_INFINITY && clock.now().getTime() >= until;
    if (newest === this.#bundle && version === this.#catalogVersion && !ended) return;
    this.#bundle = newest;
    this.#catalogVersion = version;
    this.#grammar = grammarFor(serverMajor);
    this.#grants = grantsFor(newest, agent, connection, clock.now().getTime());
    // Rules come and go with the time of day.
    const rules = this.#grants?.rules.map(({ rule, policy }) => `${policy}/${rule.name}`).join() ?? '';
    const held = rules === '' ? '' : `.${createHash('sha256').update(rules).digest('hex').slice(0, 8)}`;
    this.#revision = `${newest.revision.slice(0, 16)}.${version}.${this.#grants?.policies.join(',') ?? 'none'}${held}`;
    this.#scopes = new Map();
    this.#values = new SharedValues();
    this.#cache.clear();
    this.#templates.clear();
  }

  /** Remembers nothing from now on: no new session asks it. */
  retire(): void {
    this.#cache.close();
    this.#templates.close();
  }

  /** What texts are judged with at this moment; undefined when no policy in force names the agent any more. */
  context(): JudgeContext | undefined {
    this.#follow();
    return this.#context();
  }

  #context(): JudgeContext | undefined {
    const grants = this.#grants;
    const grammar = this.#grammar;
    if (grants === undefined || grammar === undefined) return undefined;
    const { catalog, onFault } = this.#options;
    const basis = { catalog: catalog.current(), grants, revision: this.#revision };
    return judgeContext(basis, { ...this.#questions, grammar, onFault }, this.#scopes);
  }
}
