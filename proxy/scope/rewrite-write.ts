/**
 * Writes masks, the row filter and its checks into INSERT, UPDATE, DELETE and MERGE, whose target stays where the agent wrote it.
 */
import { type Failure, notUnderstood } from '../../kernel/failure.ts';
import { maskWrittenBack, wholeRowRefused } from '../../kernel/policy-failure.ts';
import type { ResolvedTarget, TargetRead } from '../policy/decision.ts';
import { raiseSql } from '../policy/raise.ts';
import type { Assignment, FromItem, Write } from '../sql/analysis.ts';
import { isPunctuation, isWord, lastOfPart, type Tokens, tokenAt, closingParenthesis } from '../sql/tokens.ts';
import { type Tree, treeOf, unwrap } from '../sql/tree.ts';
import { type Clauses, clausesOf, items, type Run, runText, valueAt } from './clauses.ts';
import { columnName } from './column-name.ts';
import { quoteIdentifier } from './quote.ts';
import type { TargetColumn, TargetScope, TargetView } from './target.ts';

/** A text with and without keys. */
type Text = { readonly sent: string; readonly recorded: string };

/** What takes edits of the statement's text. */
export type Editor = {
  readonly tokens: Tokens;
  replace(first: number, last: number, text: Text): void;
  insert(offset: number, text: Text): void;
  readonly fail: (failure: Failure, location: number) => never;
};

/** One target of a statement, with the reads of it that have to be replaced. `end`: byte behind the statement. */
export type TargetRewriting = {
  readonly target: ResolvedTarget;
  readonly scope: TargetScope;
  readonly reads: readonly TargetRead[];
  readonly end: number;
};

const text = (sent: string, recorded = sent): Text => ({ sent, recorded });
const joined = (parts: readonly Text[], separator = ''): Text =>
  text(parts.map(({ sent }) => sent).join(separator), parts.map(({ recorded }) => recorded).join(separator));

const nameOf = ({ schema, name }: TargetScope['relation']): string => `${schema}.${name}`;

const isReference = (entry: Tree): boolean => unwrap(treeOf(entry.val))[0] === 'ColumnRef';

class WriteRewriter {
  readonly editor: Editor;
  readonly scope: TargetScope;
  readonly write: Write;
  readonly clauses: Clauses;
  readonly reads: readonly TargetRead[];
  readonly name: string;
  readonly view: TargetView;
  readonly raise: string;

  constructor({ target, scope, reads, end }: TargetRewriting, editor: Editor) {
    const { reference } = target.write;
    this.editor = editor;
    this.scope = scope;
    this.write = target.write;
    this.reads = reads;
    this.name = reference.alias ?? reference.name;
    this.view = this.viewOf(this.name);
    this.clauses = clausesOf(editor.tokens, target.write, end) ?? editor.fail(notUnderstood('the place of a clause'), reference.location);
    this.raise = `${raiseSql({ type: 'RowFilter', relation: nameOf(scope.relation) })} IS NULL`;
  }

  viewOf(name: string): TargetView {
    return this.scope.views.get(name) ?? this.editor.fail(notUnderstood(`"${name}"`), this.write.reference.location);
  }

  insert(offset: number, sent: string): void {
    this.editor.insert(offset, text(sent));
  }

  /** Byte behind the token before `index`. */
  before(index: number): number {
    return this.editor.tokens.ends[index - 1] ?? 0;
  }

  /** Masks in the place of the columns that the agent named. */
  masks(): void {
    const { tokens } = this.editor;
    for (const { use, item, column } of this.reads) {
      if (column === undefined) continue;
      const masked = this.viewOf(item).columns.get(column);
      const first = tokenAt(tokens, use.location);
      if (first < 0 || masked === undefined) return this.editor.fail(notUnderstood('the place of a column name'), use.location);
      let last = lastOfPart(tokens, first);
      for (let part = 1; part < use.fields.length; part++) last = lastOfPart(tokens, last + 2);
      this.editor.replace(first, last, text(masked.sql, masked.recorded));
    }
  }

  /** UPDATE and DELETE reach only rows inside of the filter, and the agent's condition is not evaluated on others. */
  reach(filter: string): void {
    const { clauses } = this;
    const end = (clauses.returning ?? clauses.run.last + 1) - 1;
    if (clauses.where === undefined) this.insert(this.editor.tokens.ends[end]!, ` WHERE ${filter}`);
    else this.guard(clauses.where, end, { before: ` ${filter} AND CASE WHEN ${filter} THEN (`, after: ') ELSE false END' });
  }

  /** Around the condition behind token `keyword`, up to token `last`. */
  guard(keyword: number, last: number, { before, after }: { readonly before: string; readonly after: string }): void {
    this.insert(this.editor.tokens.ends[keyword]!, before);
    this.insert(this.editor.tokens.ends[last]!, after);
  }

  /** A conflict with a hidden row, or of a row that may not be written, is an error, as under row-level security. */
  conflict(filter: string): void {
    const { clauses, raise } = this;
    const end = (clauses.returning ?? clauses.run.last + 1) - 1;
    const both = `${filter} AND ${this.viewOf('excluded').filter ?? 'false'}`;
    if (clauses.where === undefined) this.insert(this.editor.tokens.ends[end]!, ` WHERE CASE WHEN ${both} THEN true ELSE ${raise} END`);
    else this.guard(clauses.where, end, { before: ` CASE WHEN ${both} THEN (`, after: `) ELSE ${raise} END` });
  }

  /** Hidden rows of the target count as absent. */
  merge(filter: string): void {
    const { clauses, write } = this;
    const first = clauses.whens[0]!;
    const has = (when: string): boolean => write.merge.some((action) => action.when === when);
    if (has('NotMatchedBySource') && has('NotMatchedByTarget')) {
      const what = 'MERGE into a relation with a row filter, with NOT MATCHED BY both SOURCE and TARGET,';
      this.editor.fail(notUnderstood(what), write.reference.location);
    }
    this.guard(clauses.on!, first.when - 1, { before: ` CASE WHEN ${filter} THEN (`, after: ') ELSE false END' });
    for (const [index, clause] of clauses.whens.entries()) {
      if (write.merge[index]?.when !== 'NotMatchedBySource') continue;
      if (clause.and === undefined) this.insert(this.editor.tokens.ends[clause.matched]!, ` AND ${filter}`);
      else this.guard(clause.and, clause.action - 1, { before: ` CASE WHEN ${filter} THEN (`, after: ') ELSE false END' });
    }
  }

  /** Columns of SET that the agent reads masked: the mask must not be stored over the value. */
  writtenBack(): void {
    const masked = new Set(this.scope.masked);
    for (const assignment of this.write.updates) {
      if (masked.has(assignment.column) && !assignment.partial) this.keepValue(assignment);
    }
  }

  keepValue({ column, location, value }: Assignment): void {
    const { editor, scope } = this;
    const [tag] = unwrap(value ?? {});
    if (tag === 'SetToDefault') return;
    const { column: type, ...mask } = this.view.columns.get(column)!;
    const place = valueAt(editor.tokens, location, this.clauses);
    if (value === undefined || place === undefined) {
      return editor.fail(notUnderstood(`assigning the masked column "${column}" together with others`), location);
    }
    const own = this.reads.find(({ use }) => tag === 'ColumnRef' && use.location === treeOf(value.ColumnRef).location);
    if (own !== undefined) return editor.fail(maskWrittenBack(column, nameOf(scope.relation)), location);
    const raise = `${raiseSql({ type: 'Mask', relation: nameOf(scope.relation), column })}::${type.castTo}`;
    const same = (given: string, shown: string): string =>
      shown === `(NULL::${type.castTo})`
        ? `${given} IS NULL`
        : `${given}::pg_catalog.text COLLATE pg_catalog."C" OPERATOR(pg_catalog.=) (${shown})::pg_catalog.text COLLATE pg_catalog."C"`;
    const isPlain = ['A_Const', 'ParamRef', 'ColumnRef'].includes(tag);
    const written = editor.tokens.bytes.toString('utf8', place.start, place.end).trim();
    // What is not typed takes the column's type; what is evaluated has to be evaluated once.
    const given = isPlain ? `CAST(${written} AS ${type.castTo})` : '(w.v)';
    const check = (shown: string): string => `CASE WHEN ${same(given, shown)} THEN ${raise} ELSE `;
    const open = isPlain ? '' : '(SELECT ';
    const rest = isPlain ? '' : 'w.v END FROM (SELECT (';
    editor.insert(place.start, text(`${open}${check(mask.sql)}${rest}`, `${open}${check(mask.recorded)}${rest}`));
    this.insert(place.end, isPlain ? ' END' : ') AS v OFFSET 0) AS w)');
  }

  /** Entries of RETURNING, in tokens. */
  entries(returning: number): readonly Run[] {
    const { tokens } = this.editor;
    const options = isWord(tokens, returning + 1, 'with') && isPunctuation(tokens, returning + 2, '(');
    const first = options ? closingParenthesis(tokens, returning + 2) + 1 : returning + 1;
    const runs = items(tokens, { first, last: this.clauses.run.last });
    return runs.length === this.write.returning?.length
      ? runs
      : this.editor.fail(notUnderstood('this form of RETURNING'), tokens.starts[returning]!);
  }

  /** `check`: a condition that new rows have to meet. */
  returning(check: string | undefined): void {
    const { clauses, write, reads } = this;
    if (clauses.returning === undefined || write.returning === undefined) {
      if (check === undefined) return;
      const end = this.editor.tokens.ends[clauses.run.last]!;
      this.insert(end, ` RETURNING CASE WHEN ${check} THEN NULL WHEN ${this.raise} THEN NULL END`);
      return;
    }
    const isClear = this.scope.masked.length === 0 && this.scope.grant.select?.columns === '*';
    const stars = new Map(
      write.returning.map((entry) => [
        entry,
        reads.find(({ use, column }) => column === undefined && use.location === treeOf(treeOf(entry.val).ColumnRef).location),
      ]),
    );
    const isStar = (entry: Tree): boolean => stars.get(entry) !== undefined;
    const isForeignStar = (entry: Tree): boolean =>
      !isStar(entry) && isReference(entry) && columnName(treeOf(entry.val)) !== undefined && hasStar(entry);
    const carrier =
      check === undefined ? undefined : (write.returning.find(isStar) ?? write.returning.find((entry) => !isForeignStar(entry)));
    if (check !== undefined && carrier === undefined) {
      this.editor.fail(notUnderstood('RETURNING of another relation alone'), write.reference.location);
    }
    for (const [index, run] of this.entries(clauses.returning).entries()) {
      const entry = write.returning[index]!;
      const star = stars.get(entry);
      const own = entry === carrier ? check : undefined;
      if (star !== undefined && (!isClear || own !== undefined)) this.expand(run, star, own);
      else if (star === undefined) this.entry(run, entry, own);
    }
  }

  /** `*` and `alias.*` as the columns that may be read. */
  expand({ first, last }: Run, { item, use }: TargetRead, check: string | undefined): void {
    const level = use.level.items.filter(({ type }) => type !== 'Version');
    const names: readonly Pick<FromItem, 'name' | 'type'>[] =
      item === '' ? (this.write.command === 'Merge' ? [...level.slice(1), level[0]!] : level) : [{ name: item, type: 'Target' as const }];
    if (item === '' && level.length > 2) this.editor.fail(notUnderstood('RETURNING * with several other items'), use.location);
    let open = check;
    const parts = names.flatMap(({ name, type }): readonly Text[] => {
      if (name === undefined) return this.editor.fail(notUnderstood('RETURNING * with an item that has no alias'), use.location);
      if (type !== 'Target') return [text(`${quoteIdentifier(name)}.*`)];
      return [...this.viewOf(name).columns.values()].map((column) => {
        const shown = this.shown(column, open);
        open = undefined;
        return shown;
      });
    });
    if (open !== undefined || parts.length === 0) {
      this.editor.fail(wholeRowRefused(nameOf(this.scope.relation), [...this.view.columns.keys()]), use.location);
    }
    this.editor.replace(first, last, joined(parts, ', '));
  }

  shown(column: TargetColumn, check: string | undefined): Text {
    const label = ` AS ${quoteIdentifier(column.column.name)}`;
    if (check === undefined) return column.masked ? text(`${column.sql}${label}`, `${column.recorded}${label}`) : text(column.sql);
    const other = column.masked ? `NULL::${column.column.castTo}` : column.sql;
    const carried = (sql: string): string => `CASE WHEN ${check} THEN ${sql} WHEN ${this.raise} THEN ${other} ELSE ${other} END${label}`;
    return text(carried(column.sql), carried(column.recorded));
  }

  /** An entry keeps its name when something is written into it. */
  entry(run: Run, entry: Tree, check: string | undefined): void {
    const { tokens, fail } = this.editor;
    const start = tokens.starts[run.first]!;
    const labelled = typeof entry.name === 'string' && entry.name !== '';
    let last = run.last;
    if (labelled) {
      last -= isWord(tokens, last - 1, 'uescape') ? 3 : 1;
      if (isWord(tokens, last, 'as')) last--;
    }
    const end = tokens.ends[last]!;
    const masked = this.reads.filter(({ use }) => use.location >= start && use.location < end);
    if (masked.length === 0 && check === undefined) return;
    const name = labelled
      ? undefined
      : (columnName(treeOf(entry.val)) ?? fail(notUnderstood('an entry of RETURNING without a label'), start));
    const label = name === undefined ? '' : ` AS ${quoteIdentifier(name)}`;
    if (check === undefined) {
      this.insert(end, label);
      return;
    }
    const alike =
      !isReference(entry) || hasStar(entry)
        ? undefined
        : masked[0] === undefined
          ? runText(tokens, { first: run.first, last })
          : `NULL::${this.view.columns.get(masked[0].column ?? '')?.column.castTo ?? 'text'}`;
    this.insert(start, `CASE WHEN ${check} THEN (`);
    this.insert(end, `) WHEN ${this.raise} THEN ${alike === undefined ? 'NULL END' : `${alike} ELSE ${alike} END`}${label}`);
  }
}

const hasStar = (entry: Tree): boolean => {
  const fields = treeOf(treeOf(entry.val).ColumnRef).fields;
  return Array.isArray(fields) && fields.some((part) => treeOf(part).A_Star !== undefined);
};

/** Edits of one write. True where rows come back for our own sake. */
export const rewriteWrite = (rewriting: TargetRewriting, editor: Editor): boolean => {
  const { write } = rewriting.target;
  if (write.command === 'CopyIn') return false;
  const rewriter = new WriteRewriter(rewriting, editor);
  const { filter } = rewriter.view;
  rewriter.masks();
  rewriter.writtenBack();
  if (filter !== undefined) {
    if (write.command === 'Update' || write.command === 'Delete') rewriter.reach(filter);
    if (write.command === 'Merge') rewriter.merge(filter);
    if (write.upsert) rewriter.conflict(filter);
  }
  const isChecked = filter !== undefined && (write.inserts.length > 0 || write.updates.length > 0);
  rewriter.returning(isChecked ? filter : undefined);
  return isChecked && write.returning === undefined && write.outermost;
};

/** Names that the rows of a target have in its statement. */
export const namesOfTarget = ({ reference, upsert, returningLevel }: Write): readonly string[] => [
  reference.alias ?? reference.name,
  ...(upsert ? ['excluded'] : []),
  ...(returningLevel?.items ?? []).flatMap(({ type, name }) => (type === 'Version' && name !== undefined ? [name] : [])),
];
