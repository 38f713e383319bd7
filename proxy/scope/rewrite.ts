/**
 * Writes the statement that is sent: each relation replaced by its scope, in place, by byte offset, around the agent's own text.
 */
import { at, type Failure, notUnderstood } from '../../kernel/failure.ts';
import type { Decision, Guard, Pin, ResolvedRelation, ResolvedTarget, TargetRead } from '../policy/decision.ts';
import type { Edit } from '../policy/judgement.ts';
import type { Analysis, ColumnUse, FromItem, RelationReference } from '../sql/analysis.ts';
import { characterAt } from '../sql/analyze.ts';
import { closingParenthesis, isPunctuation, isWord, lastOfName, lastOfPart, textOf, TOKEN, type Tokens, tokenAt } from '../sql/tokens.ts';
import { hidesValues, withoutCosts } from './explain.ts';
import { guardTexts } from './guard.ts';
import { groupAdditions, type Named } from './group-by.ts';
import { quoteIdentifier, quoteName } from './quote.ts';
import { rewriteWrite } from './rewrite-write.ts';
import type { Scope, ScopedRelation } from './scope.ts';
import { subSelect } from './sub-select.ts';
import type { TargetScope } from './target.ts';
import { WITNESS_RELATION } from './witness.ts';

type Base = {
  readonly offset: number;
  readonly schema: string;
  readonly name: string;
  /** Where it is what the statement writes. */
  readonly target?: TargetScope;
  /** What the relation is inside of. */
  readonly scope?: ScopedRelation;
  /** Where in the same text a witness reads. */
  readonly witness?: number;
};

/** Where a relation's qualified name stands inside an edit's text. */
export type Anchor = Base & { readonly edit: Edit };

export type Rewritten = {
  /** In the agent's text; sorted. The texts hold no key: this is what is recorded. */
  readonly recorded: readonly Edit[];
  /** The same edits with keys, where they differ: what is sent. */
  readonly sent: readonly Edit[];
  readonly anchors: readonly Anchor[];
  /** What is written before the arguments of guarded calls. */
  readonly guards: readonly Edit[];
  /** Rows come back for our own sake: a check of new rows stands in a RETURNING that the agent did not write. */
  readonly hidesResult: boolean;
};

type Piece = { start: number; end: number; sent: string; recorded: string; base?: Base; guards?: boolean };

/** A replacement, with and without keys, and where in it a relation is named. */
type Written = Pick<Piece, 'sent' | 'recorded' | 'base' | 'guards'>;

const plain = (text: string): Written => ({ sent: text, recorded: text });

const SYSTEM_COLUMNS = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);

/** Byte range of a relation's name in the text, with ONLY, parentheses and `*`. */
type Span = { readonly first: number; readonly last: number; readonly name: number };

const spanOf = (tokens: Tokens, reference: RelationReference, fail: Fail): Span => {
  const name = tokenAt(tokens, reference.location);
  if (name < 0) return fail(notUnderstood('the place of a relation name'), reference.location);
  let first = name;
  let last = lastOfName(tokens, name);
  if (reference.only) {
    if (isPunctuation(tokens, first - 1, '(') && isWord(tokens, first - 2, 'only')) {
      first -= 2;
      last += 1;
    } else if (isWord(tokens, first - 1, 'only')) first -= 1;
    else fail(notUnderstood('this form of ONLY'), reference.location);
  } else if (reference.calledAs !== undefined) last = closingParenthesis(tokens, last + 1);
  else if (tokens.kinds[last + 1] === TOKEN.operator && textOf(tokens, last + 1) === '*') last += 1;
  return { first, last, name };
};

type Fail = (failure: Failure, location: number) => never;

/** Index of the last token of `TABLESAMPLE method (...) [REPEATABLE (...)]` that begins at `from`. */
const lastOfSample = (tokens: Tokens, from: number): number => {
  let open = from + 1;
  while (open < tokens.count && !isPunctuation(tokens, open, '(')) open++;
  const close = closingParenthesis(tokens, open);
  if (isWord(tokens, close + 1, 'repeatable')) return closingParenthesis(tokens, close + 2);
  return close;
};

const witnessAt = (before: number, offset: number | undefined): { readonly witness?: number } =>
  offset === undefined ? {} : { witness: before + offset };

const inWord = (byte: number | undefined): boolean => byte !== undefined && (byte > 0x7f || /[\w$]/.test(String.fromCharCode(byte)));

/** `RETURNING*` and `'x'WHERE` are two tokens each: what is written between or for one of them must not grow together with the other. */
const keptApart = (text: string, before: number | undefined, after: number | undefined): string =>
  `${inWord(before) && /^\w/.test(text) ? ' ' : ''}${text}${inWord(after) && /\w$/.test(text) ? ' ' : ''}`;

class Rewriter {
  readonly pieces: Piece[] = [];
  readonly analysis: Analysis;
  readonly tokens: Tokens;
  readonly scopes: ReadonlyMap<RelationReference, Scope>;
  /** EXPLAIN shows the text's constants: it gets no keys. */
  readonly keyless: boolean;
  /** Aliases of references without one. */
  readonly names: ReadonlyMap<RelationReference, string>;
  readonly systemUses: readonly ColumnUse[];

  constructor(analysis: Analysis, tokens: Tokens, scopes: ReadonlyMap<RelationReference, Scope>, keyless: boolean) {
    this.analysis = analysis;
    this.tokens = tokens;
    this.scopes = scopes;
    this.keyless = keyless;
    this.names = aliasesOf(analysis, scopes);
    this.systemUses = analysis.columns.filter((use) => !use.star && SYSTEM_COLUMNS.has(use.fields.at(-1) ?? ''));
  }

  fail: Fail = (failure, location) => {
    throw at(failure, characterAt(this.tokens.bytes, location));
  };

  replace(first: number, last: number, text: Written): void {
    this.put(this.tokens.starts[first]!, this.tokens.ends[last]!, text);
  }

  insert(offset: number, text: Written): void {
    this.put(offset, offset, text);
  }

  put(start: number, end: number, { sent, recorded, base, guards }: Written): void {
    const { bytes } = this.tokens;
    const apart = (text: string): string => (base === undefined ? keptApart(text, bytes[start - 1], bytes[end]) : text);
    const piece: Piece = { start, end, sent: apart(this.keyless ? recorded : sent), recorded: apart(recorded) };
    if (base !== undefined) piece.base = base;
    if (guards === true) piece.guards = true;
    this.pieces.push(piece);
  }

  /** Behind a fence the rows are locked before the agent's condition has chosen among them. */
  locks(references: readonly RelationReference[]): void {
    for (const reference of references) {
      const scope = this.scopes.get(reference);
      if (scope?.type !== 'Scoped' || scope.fence === undefined || scope.unfenced === true) continue;
      this.fail(
        notUnderstood(`locking rows of "${reference.name}", which has a row filter, by conditions that can fail`),
        reference.location,
      );
    }
  }

  /** The target stays where it is, and its name is written out. */
  target(target: ResolvedTarget, scope: TargetScope, reads: readonly TargetRead[]): boolean {
    const { relation, write } = target;
    const name = tokenAt(this.tokens, write.reference.location);
    if (name < 0) this.fail(notUnderstood('the place of a relation name'), write.reference.location);
    const base = { offset: 0, schema: relation.schema, name: relation.name, target: scope };
    this.replace(name, lastOfName(this.tokens, name), { ...plain(quoteName(relation.schema, relation.name)), base });
    return rewriteWrite({ target, scope, reads: reads.filter((read) => read.target === target), end: this.analysis.end }, this);
  }

  relation({ reference, relation }: ResolvedRelation): void {
    const scope = this.scopes.get(reference)!;
    const span = spanOf(this.tokens, reference, this.fail);
    const qualified = quoteName(relation.schema, relation.name);
    const copied = this.analysis.form.type === 'CopyOut' && this.analysis.form.relation === reference;
    if (scope.type !== 'Scoped' || this.analysis.form.type === 'LockForReading') {
      const base = { offset: 0, schema: relation.schema, name: relation.name };
      const nameEnd = reference.calledAs === undefined ? lastOfName(this.tokens, span.name) : span.last;
      // A relation without an alias keeps being known by its name.
      this.replace(span.name, nameEnd, { ...plain(qualified), base });
      return;
    }
    if (copied) {
      this.copy(reference, scope, span);
      return;
    }
    const sample = reference.sampled ? this.takeSample(span) : '';
    const select = subSelect(scope, reference.only, this.systemColumns(reference), sample);
    const isTable = isWord(this.tokens, span.first - 1, 'table');
    const prefix = isTable ? 'SELECT * FROM ' : '';
    const alias =
      reference.alias === undefined ? ` AS ${quoteIdentifier(this.names.get(reference) ?? reference.calledAs ?? reference.name)}` : '';
    const list = this.keyless ? scope.recordedList : scope.list;
    const at = Buffer.byteLength(prefix) + select.offset(list);
    const base = {
      offset: at,
      schema: relation.schema,
      name: relation.name,
      scope,
      ...witnessAt(Buffer.byteLength(prefix), select.witness(list)),
    };
    this.replace(isTable ? span.first - 1 : span.first, span.last, {
      sent: prefix + select.sent + alias,
      recorded: prefix + select.recorded + alias,
      base,
    });
  }

  /** `COPY rel (columns) TO STDOUT` becomes `COPY (SELECT columns FROM scope) TO STDOUT`. */
  copy(reference: RelationReference, scope: ScopedRelation, span: Span): void {
    const columns = this.analysis.form.type === 'CopyOut' ? this.analysis.form.columns : undefined;
    const last = columns === undefined ? span.last : closingParenthesis(this.tokens, span.last + 1);
    // Forms from before 7.3, which a query in the place of the relation cannot have.
    if (isWord(this.tokens, span.first - 1, 'binary')) this.fail(notUnderstood('COPY BINARY'), reference.location);
    for (let index = last + 1; (this.tokens.starts[index] ?? this.analysis.end) < this.analysis.end; index++) {
      if (isWord(this.tokens, index, 'delimiters')) this.fail(notUnderstood('DELIMITERS of COPY'), this.tokens.starts[index]!);
    }
    const names = columns === undefined ? '*' : columns.map(quoteIdentifier).join(', ');
    // COPY of a table leaves its inheritance children out.
    const select = subSelect(scope, reference.only || scope.relation.kind === 'r', [], '');
    const before = `(SELECT ${names} FROM `;
    const after = ` AS ${quoteIdentifier(reference.name)})`;
    const list = this.keyless ? scope.recordedList : scope.list;
    const base = {
      offset: Buffer.byteLength(before) + select.offset(list),
      schema: scope.relation.schema,
      name: scope.relation.name,
      scope,
      ...witnessAt(Buffer.byteLength(before), select.witness(list)),
    };
    this.replace(span.first, last, { sent: before + select.sent + after, recorded: before + select.recorded + after, base });
  }

  /** Moves a TABLESAMPLE clause inside the scope: a sub-select cannot be sampled. */
  takeSample(span: Span): string {
    let first = span.last + 1;
    while (first < this.tokens.count && !isWord(this.tokens, first, 'tablesample')) first++;
    const last = lastOfSample(this.tokens, first);
    if (last < 0) return this.fail(notUnderstood('this form of TABLESAMPLE'), this.tokens.starts[span.name]!);
    const text = this.tokens.bytes.toString('utf8', this.tokens.starts[first], this.tokens.ends[last]);
    this.replace(first, last, plain(''));
    return ` ${text}`;
  }

  /** System columns that the statement names: a sub-select has none, so the scope hands them out. */
  systemColumns(reference: RelationReference): readonly string[] {
    const named = new Set<string>();
    for (const use of this.systemUses) if (itemOf(use, reference) !== undefined) named.add(use.fields.at(-1) ?? '');
    if (named.size === 0) return [];
    const shown = (use: ColumnUse): boolean => {
      const item = use.star ? use.level.items.find((entry) => entry.reference === reference) : undefined;
      return item !== undefined && (use.fields.length === 0 || use.fields.at(-1) === item.name);
    };
    const star = this.analysis.columns.find(shown);
    if (star !== undefined) this.fail(notUnderstood(`column "${[...named][0]}" together with *`), star.location);
    return [...named];
  }

  /** `public.users.ssn` becomes `users.ssn`: the scope has no schema. */
  column(use: ColumnUse, relations: ReadonlyMap<RelationReference, ResolvedRelation>): void {
    const parts = use.fields.length + (use.star ? 1 : 0);
    if (parts < 3) return;
    const qualifiers = use.star ? use.fields : use.fields.slice(0, -1);
    const [schema, name] = qualifiers.slice(-2);
    const isNamed = ({ reference }: FromItem): boolean => {
      const resolved = reference === undefined || reference.alias !== undefined ? undefined : relations.get(reference);
      return resolved?.relation.schema === schema && resolved?.relation.name === name;
    };
    const reference = itemsInSight(use).find(isNamed)?.reference;
    if (reference === undefined || this.scopes.get(reference)?.type !== 'Scoped') return;
    const first = tokenAt(this.tokens, use.location);
    if (first < 0) this.fail(notUnderstood('the place of a column name'), use.location);
    let last = lastOfPart(this.tokens, first);
    for (let index = 1; index < qualifiers.length; index++) last = lastOfPart(this.tokens, last + 2);
    this.replace(first, last, plain(quoteIdentifier(this.names.get(reference) ?? reference.name)));
  }

  guard(guard: Guard): void {
    const { before, after } = guardTexts(guard, this.tokens);
    this.insert(before.offset, { ...plain(before.text), guards: true });
    this.insert(after.offset, plain(after.text));
  }

  pin({ location, schema }: Pin): void {
    this.insert(location, plain(`${quoteIdentifier(schema)}.`));
  }

  /**
   * Estimates come from statistics of the raw values: widths, distinct values, and how many rows a predicate would find, hidden ones
   * among them. What EXPLAIN runs by name may have any scope.
   */
  hideCosts(targets: readonly TargetScope[]): void {
    const { form } = this.analysis;
    const hides = [...this.scopes.values()].some(hidesValues) || targets.some(({ filtered, masked }) => filtered || masked.length > 0);
    if (form.type !== 'Explain' || (form.execute === undefined && !hides)) return;
    const { start, end, text } = withoutCosts(this.tokens, this.analysis.start);
    this.pieces.push({ start, end, ...plain(text) });
  }

  groups(): void {
    const named = new Map<RelationReference, Named>();
    for (const [reference, scope] of this.scopes) {
      if (scope.type === 'Scoped') named.set(reference, { scope, name: reference.alias ?? this.names.get(reference) ?? reference.name });
    }
    for (const addition of groupAdditions(this.analysis, named)) {
      const first = tokenAt(this.tokens, addition.after);
      if (first < 0) this.fail(notUnderstood('the place of a GROUP BY item'), addition.after);
      this.insert(this.tokens.ends[lastOfName(this.tokens, first)]!, plain(`, ${addition.text}`));
    }
  }
}

/** FROM items from the innermost query outwards. */
const itemsInSight = (use: ColumnUse): readonly FromItem[] => {
  const items: FromItem[] = [];
  for (let level: ColumnUse['level'] | undefined = use.level; level !== undefined; level = level.parent) items.push(...level.items);
  return items;
};

/** The reference as a FROM item that the column may belong to. */
const itemOf = (use: ColumnUse, reference: RelationReference): FromItem | undefined =>
  itemsInSight(use).find((item) => item.reference === reference && (use.fields.length < 2 || use.fields.at(-2) === item.name));

/** Relations of one name in one FROM clause differ by their schema, which a scope does not have: their aliases tell them apart. */
const aliasesOf = (analysis: Analysis, scopes: ReadonlyMap<RelationReference, Scope>): ReadonlyMap<RelationReference, string> => {
  const aliases = new Map<RelationReference, string>();
  for (const { items } of analysis.levels) {
    const seen = new Map<string, number>();
    for (const { name } of items) if (name !== undefined) seen.set(name, (seen.get(name) ?? 0) + 1);
    for (const { name, reference } of items) {
      if (name === undefined || reference === undefined || reference.alias !== undefined || seen.get(name) === 1) continue;
      aliases.set(reference, `${scopes.get(reference)?.relation.schema ?? ''}.${name}`);
    }
  }
  return aliases;
};

/** What stands for each relation of a statement: read, and written. */
export type Scopes = {
  readonly scopes: ReadonlyMap<RelationReference, Scope>;
  readonly targets: ReadonlyMap<RelationReference, TargetScope>;
};

/**
 * Edits for one statement. `scopes` holds a usable scope for each reference of `relations`.
 * @throws Failure where a reference cannot be scoped.
 */
export const rewrite = (
  analysis: Analysis,
  tokens: Tokens,
  decision: Pick<Decision, 'relations' | 'targets' | 'targetReads' | 'pins' | 'guards' | 'explain'>,
  { scopes, targets }: Scopes,
): Rewritten => {
  const rewriter = new Rewriter(analysis, tokens, scopes, decision.explain);
  for (const relation of decision.relations) rewriter.relation(relation);
  let hidesResult = false;
  for (const target of decision.targets) {
    const hides = rewriter.target(target, targets.get(target.write.reference)!, decision.targetReads);
    // EXPLAIN answers with the plan, not with what RETURNING says.
    hidesResult ||= hides && analysis.form.type !== 'Explain';
  }
  for (const { references } of analysis.locks) rewriter.locks(references);
  const relations = new Map(decision.relations.map((resolved) => [resolved.reference, resolved]));
  for (const use of analysis.columns) rewriter.column(use, relations);
  // Before pins: what begins an argument stands inside of the guard.
  for (const guard of decision.guards) rewriter.guard(guard);
  for (const pin of decision.pins) rewriter.pin(pin);
  rewriter.groups();
  rewriter.hideCosts([...targets.values()]);
  const pieces = rewriter.pieces.sort((a, b) => a.start - b.start || a.end - b.end);
  let end = 0;
  for (const piece of pieces) {
    if (piece.start < end) rewriter.fail(notUnderstood('this combination of clauses'), piece.start);
    end = piece.end;
  }
  const sent: Edit[] = [];
  const recorded: Edit[] = [];
  const anchors: Anchor[] = [];
  const guards: Edit[] = [];
  for (const piece of pieces) {
    const edit: Edit = { start: piece.start, end: piece.end, text: piece.sent };
    sent.push(edit);
    recorded.push({ start: piece.start, end: piece.end, text: piece.recorded });
    if (piece.guards === true) guards.push(edit);
    if (piece.base !== undefined) anchors.push({ edit, ...piece.base });
    if (piece.base?.witness !== undefined) anchors.push({ edit, offset: piece.base.witness, ...WITNESS_RELATION });
  }
  return { sent, recorded, anchors, guards, hidesResult };
};
