/**
 * Writes masks, the row filter and its checks into INSERT, UPDATE, DELETE and MERGE, whose target stays where the agent wrote it.
 */
import { type Failure, notUnderstood } from '../../kernel/failure.ts';
import { maskWrittenBack, wholeRowRefused } from '../../kernel/policy-failure.ts';
import type { ResolvedTarget, TargetRead } from '../policy/decision.ts';
import { raiseSql } from '../policy/raise.ts';
import type { Assignment, FromItem, Write } from '../sql/analysis.ts';
import { isPunctuation, isWord, lastOfPart, type Tokens, tokenAt, closingParenthesis } from '../sql/tokens.ts';
import { constantOf, isTree, type Tree, treeOf, unwrap } from '../sql/tree.ts';
import { type Clauses, clausesOf, items, type Run, runText, valueAt, valuesAt } from './clauses.ts';
import { columnName } from './column-name.ts';
import { quoteIdentifier } from './quote.ts';
import { isOpened, type TargetColumn, type TargetScope, type TargetView } from './target.ts';

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
      if (typeof column !== 'string' && column.whole === 'All') continue;
      const view = this.viewOf(item);
      const named = typeof column === 'string' ? view.columns.get(column) : undefined;
      const whole = item === this.name ? rowOf(view) : rowOrNull(view, item);
      const shown = typeof column !== 'string' ? whole : named && text(named.sql, named.recorded);
      const first = tokenAt(tokens, use.location);
      if (first < 0 || shown === undefined) return this.editor.fail(notUnderstood('the place of a column name'), use.location);
      let last = lastOfPart(tokens, first);
      for (let part = 1; part < use.fields.length; part++) last = lastOfPart(tokens, last + 2);
      this.editor.replace(first, last, shown);
    }
  }

  /** UPDATE and DELETE reach only rows inside of the filter, and the agent's condition is not evaluated on others. */
  reach(filter: string): void {
    const { clauses } = this;
    const end = (clauses.returning ?? clauses.run.last + 1) - 1;
    if (clauses.where === undefined) this.insert(this.editor.tokens.ends[end]!, ` WHERE ${filter}`);
    else this.guard(clauses.where, end, this.fenced(filter));
  }

  /** What keeps the agent's condition from hidden rows: nothing of it where all of it is harmless. */
  fenced(filter: string): { readonly before: string; readonly after: string } {
    const { open } = this.scope;
    if (open === 'All') return { before: ` ${filter} AND (`, after: ')' };
    return { before: ` ${[filter, ...open].join(' AND ')} AND CASE WHEN ${filter} THEN (`, after: ') ELSE false END' };
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
    // A full join takes conditions that can be hashed, and CASE is none.
    if (has('NotMatchedBySource') && has('NotMatchedByTarget') && !isOpened(this.scope.open)) {
      const what = 'MERGE into a relation with a row filter, with NOT MATCHED BY both SOURCE and TARGET and this condition,';
      this.editor.fail(notUnderstood(what), write.reference.location);
    }
    this.guard(clauses.on!, first.when - 1, this.fenced(filter));
    for (const [index, clause] of clauses.whens.entries()) {
      if (write.merge[index]?.when !== 'NotMatchedBySource') continue;
      if (clause.and === undefined) this.insert(this.editor.tokens.ends[clause.matched]!, ` AND ${filter}`);
      else this.guard(clause.and, clause.action - 1, { before: ` CASE WHEN ${filter} THEN (`, after: ') ELSE false END' });
    }
  }

  /** Columns of SET that the agent reads masked: the mask must not be stored over the value. */
  writtenBack(): void {
    const masked = new Set(this.scope.masked);
    const queries = new Map<number, Assignment[]>();
    for (const assignment of this.write.updates) {
      const { column, location, partial, part, value } = assignment;
      if (!masked.has(column) || partial || value?.SetToDefault !== undefined) continue;
      const place = this.placeOf(assignment) ?? this.editor.fail(notUnderstood('the place of a value'), location);
      if (value !== undefined) this.keepValue(column, value, place);
      else if (part !== undefined) queries.set(place.start, [...(queries.get(place.start) ?? []), assignment]);
    }
    for (const [start, assignments] of queries) this.keepValues(start, assignments);
  }

  /** Bytes of what a column is given; of the whole sub-query where it gives several. */
  placeOf({ location, part, value }: Assignment): { readonly start: number; readonly end: number } | undefined {
    const { tokens } = this.editor;
    if (part === undefined) return valueAt(tokens, location, this.clauses);
    const given = valuesAt(tokens, location);
    if (given === undefined) return undefined;
    if (value === undefined) return { start: tokens.starts[given.open]!, end: tokens.ends[given.close]! };
    const run = given.values[part.number - 1];
    return run === undefined || given.values.length !== part.of
      ? undefined
      : { start: tokens.starts[run.first]!, end: tokens.ends[run.last]! };
  }

  /** `given`, or an error where it is what the mask of the column shows in that row. */
  unlessMask(column: string, compared: string, given: string): Text {
    const { scope } = this;
    const { column: type, sql, recorded } = this.view.columns.get(column)!;
    const raise = `${raiseSql({ type: 'Mask', relation: nameOf(scope.relation), column })}::${type.castTo}`;
    const bytewise = (value: string): string => `${value}::pg_catalog.text COLLATE pg_catalog."C"`;
    const same = (shown: string): string =>
      shown === `(NULL::${type.castTo})` ? `${compared} IS NULL` : `${bytewise(compared)} OPERATOR(pg_catalog.=) ${bytewise(shown)}`;
    const written = (shown: string): string => `CASE WHEN ${same(shown)} THEN ${raise} ELSE ${given}`;
    return text(written(sql), written(recorded));
  }

  /** What stands around a value: PostgreSQL stores one of any type in a column of strings, but would not have it beside one in CASE. */
  asAssigned(column: string): readonly [before: string, after: string] {
    return this.view.columns.get(column)!.column.category === 'S' ? ['CAST(', ' AS pg_catalog.text)'] : ['', ''];
  }

  keepValue(column: string, value: Tree, { start, end }: { readonly start: number; readonly end: number }): void {
    const { editor, scope } = this;
    const [tag, node] = unwrap(value);
    const isMasked = tag === 'ColumnRef' && this.reads.some(({ use }) => use.location === node.location);
    // What is made of the column's own mask replaces the value as well, and looks different.
    const isMade = this.reads.some((read) => read.column === column && read.use.location >= start && read.use.location < end);
    if (isMasked || isMade) return editor.fail(maskWrittenBack(column, nameOf(scope.relation)), start);
    if (['A_Const', 'ParamRef', 'ColumnRef'].includes(tag)) {
      // INVARIANT: the value is read, for its text is copied: the judgement does not hold for another.
      constantOf(value);
      // What is not typed takes the column's type.
      const { castTo } = this.view.columns.get(column)!.column;
      const isUntyped = isTree(node.sval) || node.isnull === true;
      const [before, after] = isUntyped ? ['', ''] : this.asAssigned(column);
      const compared = `CAST(${editor.tokens.bytes.toString('utf8', start, end)} AS ${castTo})`;
      editor.insert(start, this.unlessMask(column, compared, before));
      this.insert(end, `${after} END`);
      return;
    }
    // What is evaluated has to be evaluated once.
    editor.insert(
      start,
      joined([text('(SELECT '), this.unlessMask(column, '(w.v)', `${this.asAssigned(column).join('w.v')} END FROM (SELECT (`)]),
    );
    this.insert(end, ') AS v OFFSET 0) AS w)');
  }

  /** The same for a sub-query that gives several columns. */
  keepValues(start: number, assignments: readonly Assignment[]): void {
    const { of } = assignments[0]!.part!;
    const { end } = this.placeOf(assignments[0]!)!;
    const columns = Array.from({ length: of }, (_, index) => `v${index + 1}`);
    const list = columns.map((name, index) => {
      const assignment = assignments.find(({ part }) => part?.number === index + 1);
      return assignment === undefined
        ? text(`w.${name}`)
        : this.unlessMask(assignment.column, `(w.${name})`, `${this.asAssigned(assignment.column).join(`w.${name}`)} END`);
    });
    this.editor.insert(start, joined([text('(SELECT '), joined(list, ', '), text(' FROM ')]));
    this.insert(end, ` AS w (${columns.join(', ')}))`);
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
        reads.find(
          ({ use, column }) =>
            typeof column !== 'string' && column.whole === 'All' && use.location === treeOf(treeOf(entry.val).ColumnRef).location,
        ),
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
          : typeof masked[0].column === 'string'
            ? `NULL::${this.view.columns.get(masked[0].column)?.column.castTo ?? 'text'}`
            : undefined;
    this.insert(start, `CASE WHEN ${check} THEN (`);
    this.insert(end, `) WHEN ${this.raise} THEN ${alike === undefined ? 'NULL END' : `${alike} ELSE ${alike} END`}${label}`);
  }
}

/** A whole row as the agent may see it. */
const rowOf = ({ columns }: TargetView): Text => {
  const list = (key: 'sql' | 'recorded'): string =>
    [...columns.values()].map((each) => `${each[key]} AS ${quoteIdentifier(each.column.name)}`).join(', ');
  const row = (sql: string): string => `(SELECT "pg_airlock row" FROM (SELECT ${sql}) AS "pg_airlock row")`;
  return text(row(list('sql')), row(list('recorded')));
};

/** The old or new row, which there may be none of. */
const rowOrNull = (view: TargetView, name: string): Text => {
  const { sent, recorded } = rowOf(view);
  const written = (row: string): string => `CASE WHEN ${quoteIdentifier(name)}.tableoid IS NULL THEN NULL ELSE ${row} END`;
  return text(written(sent), written(recorded));
};

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
