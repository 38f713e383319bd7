/**
 * Reads the conditions of a statement: all expressions that PostgreSQL may evaluate on rows that no other condition has passed yet.
 * Things start here: `readConditions`.
 *
 * Those are WHERE, ON, USING, and HAVING without aggregates. A select list is computed after the scan that it stands over, as are
 * grouping, ordering and windows; what a sub-query computes becomes part of a condition only where a condition names it, and then
 * the name does not mean a stored column.
 */
import type { Catalog } from '../catalog/catalog.ts';
import type { RelationReference } from '../sql/analysis.ts';
import { isTree, listOf, locationOf, namesOf, stringOf, type Tree, treeOf, unwrap } from '../sql/tree.ts';
import { columnsOf, conjuncts, isPlainQuery, rejectsNull } from './condition-forms.ts';
import { rebased } from './condition-text.ts';
import { isHarmlessAggregate, isHarmlessFunction } from './harmless-functions.ts';
import { isReadHarmlessly } from './harmless-filter.ts';
import { type HarmlessContext, isHarmless } from './harmless.ts';
import type { Scope } from './scope.ts';
import {
  fieldsOf,
  type Meaning,
  meaningOf,
  renamed,
  type Row,
  rowOf,
  selected,
  type Sight,
  type SightItem,
  UNKNOWN_ROW,
  united,
} from './sight.ts';

export type Conditions = {
  /** Can none of them fail, tell or do anything, whatever the rows? */
  readonly harmless: boolean;
  /** Harmless ones that a relation's rows have to meet, over the base relation of its scope. */
  readonly own: () => ReadonlyMap<RelationReference, readonly Tree[]>;
};

/** Rows of queries in WITH by their names. */
type Ctes = { readonly rows: ReadonlyMap<string, Row>; readonly outer: Ctes | undefined };

const cteRow = (name: string, ctes: Ctes | undefined): Row => {
  for (let each = ctes; each !== undefined; each = each.outer) {
    const row = each.rows.get(name);
    if (row !== undefined) return row;
  }
  return UNKNOWN_ROW;
};

/** What an entry of FROM sees: items before it, where it is LATERAL, and the queries around. */
type Around = { readonly before: readonly SightItem[]; readonly outer: Sight | undefined; readonly ctes: Ctes | undefined };

type Joined = { readonly items: readonly SightItem[]; readonly merged: ReadonlySet<string> };

/** A condition that may be repeated for one of the items whose rows are gone where it is not met. */
type Candidate = { readonly condition: Tree; readonly sight: Sight; readonly filtered: readonly SightItem[] };

const NOTHING: ReadonlySet<string> = new Set();

export type StatementContext = {
  readonly scopes: ReadonlyMap<RelationReference, Scope>;
  readonly parameters: ReadonlyMap<number, string>;
  readonly catalog: Catalog;
};

class Reader {
  harmless = true;
  readonly #candidates: Candidate[] = [];
  readonly #context: StatementContext;
  readonly #references: ReadonlyMap<number, RelationReference>;

  constructor(context: StatementContext) {
    this.#context = context;
    this.#references = new Map([...context.scopes.keys()].map((reference) => [reference.location, reference]));
  }

  own(): ReadonlyMap<RelationReference, readonly Tree[]> {
    const own = new Map<RelationReference, Tree[]>();
    for (const candidate of this.#candidates) this.#keep(candidate, own);
    return own;
  }

  query(select: Tree, outer: Sight | undefined, around: Ctes | undefined): Row {
    const ctes = this.#with(select.withClause, outer, around);
    if (isTree(select.larg) || isTree(select.rarg)) {
      const row = united(this.query(treeOf(select.larg), outer, ctes), this.query(treeOf(select.rarg), outer, ctes));
      // ORDER BY and LIMIT of the whole.
      for (const field of ['sortClause', 'limitCount', 'limitOffset'])
        this.#within(select[field], { items: [], merged: NOTHING, outer }, ctes);
      return row;
    }
    const items: SightItem[] = [];
    const merged = new Set<string>();
    for (const item of listOf(select.fromClause)) {
      const joined = this.#from(item, { before: items, outer, ctes });
      items.push(...joined.items);
      for (const name of joined.merged) merged.add(name);
    }
    const sight: Sight = { items, merged, outer };
    if (isTree(select.whereClause)) this.#conditions(select.whereClause, sight, ctes, items);
    if (isTree(select.havingClause)) this.#having(select.havingClause, sight, ctes);
    for (const field of Object.keys(select)) {
      if (!JUDGED.has(field)) this.#within(select[field], sight, ctes);
    }
    return select.valuesLists === undefined ? selected(listOf(select.targetList), sight) : UNKNOWN_ROW;
  }

  #with(value: unknown, outer: Sight | undefined, around: Ctes | undefined): Ctes | undefined {
    if (!isTree(value)) return around;
    const queries = listOf(value.ctes).map((wrapped) => treeOf(wrapped.CommonTableExpr));
    const rows = new Map<string, Row>();
    const ctes: Ctes = { rows, outer: around };
    if (value.recursive === true) for (const cte of queries) rows.set(stringOf(cte.ctename) ?? '', UNKNOWN_ROW);
    for (const cte of queries) {
      const [tag, node] = unwrap(treeOf(cte.ctequery));
      if (tag !== 'SelectStmt') this.harmless = false;
      const row = tag === 'SelectStmt' ? this.query(node, outer, ctes) : UNKNOWN_ROW;
      if (value.recursive !== true) rows.set(stringOf(cte.ctename) ?? '', renamed(row, { colnames: cte.aliascolnames }));
    }
    return ctes;
  }

  #from(wrapped: Tree, around: Around): Joined {
    const [tag, node] = unwrap(wrapped);
    const alias = treeOf(node.alias);
    const one = (row: Row, name = stringOf(alias.aliasname)): Joined => ({ items: [{ name, row: renamed(row, alias) }], merged: NOTHING });
    switch (tag) {
      case 'RangeVar': {
        const reference = this.#references.get(locationOf(node));
        const scope = reference === undefined ? undefined : this.#context.scopes.get(reference);
        const name = stringOf(alias.aliasname) ?? stringOf(node.relname);
        if (reference !== undefined && scope !== undefined) return one(rowOf(scope, reference), name);
        return one(node.schemaname === undefined ? cteRow(stringOf(node.relname) ?? '', around.ctes) : UNKNOWN_ROW, name);
      }
      case 'RangeTableSample': {
        this.#within([node.args, node.repeatable], this.#lateral(around), around.ctes);
        return this.#from(treeOf(node.relation), around);
      }
      case 'RangeSubselect': {
        const [inner, select] = unwrap(treeOf(node.subquery));
        if (inner !== 'SelectStmt') return this.#unknown(one(UNKNOWN_ROW));
        return one(this.query(select, node.lateral === true ? this.#lateral(around) : around.outer, around.ctes));
      }
      case 'JoinExpr':
        return this.#join(node, around);
      case 'RangeFunction':
        // A function in SQL may be a query with conditions of its own, which are moved like others.
        if (!listOf(node.functions).every((item) => isHarmlessFunction(item, this.#context.catalog))) this.harmless = false;
        this.#within(node.functions, this.#lateral(around), around.ctes);
        return one(UNKNOWN_ROW);
      case 'RangeTableFunc':
      case 'JsonTable':
        for (const field of Object.keys(node)) this.#within(node[field], this.#lateral(around), around.ctes);
        return one(UNKNOWN_ROW);
      default:
        return this.#unknown(one(UNKNOWN_ROW));
    }
  }

  #lateral({ before, outer }: Around): Sight {
    return { items: before, merged: NOTHING, outer };
  }

  #unknown<T>(value: T): T {
    this.harmless = false;
    return value;
  }

  #join(node: Tree, around: Around): Joined {
    const left = this.#from(treeOf(node.larg), around);
    const right = this.#from(treeOf(node.rarg), { ...around, before: [...around.before, ...left.items] });
    const items = [...left.items, ...right.items];
    const merged = new Set([...left.merged, ...right.merged]);
    const sight: Sight = { items, merged, outer: around.outer };
    const kind = stringOf(node.jointype) ?? 'JOIN_INNER';
    // Rows that do not meet ON are gone on the inner sides only.
    const filtered = kind === 'JOIN_INNER' ? items : kind === 'JOIN_LEFT' ? right.items : kind === 'JOIN_RIGHT' ? left.items : [];
    if (isTree(node.quals)) this.#conditions(node.quals, sight, around.ctes, filtered);
    for (const name of node.isNatural === true ? this.#common(left, right) : namesOf(node.usingClause)) {
      const side = (joined: Joined): Meaning | undefined => meaningOf([name], { ...joined, outer: undefined });
      if (!this.#areEqual(side(left), side(right))) this.harmless = false;
      merged.add(name);
    }
    const alias = stringOf(treeOf(node.alias).aliasname);
    // The alias of a join hides what is in it.
    if (alias !== undefined) return { items: [{ name: alias, row: UNKNOWN_ROW }], merged: NOTHING };
    const using = stringOf(treeOf(node.join_using_alias).aliasname);
    return using === undefined ? { items, merged } : { items: [...items, { name: using, row: UNKNOWN_ROW }], merged };
  }

  #common(left: Joined, right: Joined): readonly string[] {
    const namesOfSide = ({ items }: Joined): readonly (string | undefined)[] =>
      items.flatMap(({ row }) => (row.exact ? row.outputs.map(({ name }) => name) : [undefined]));
    const names = new Set(namesOfSide(left));
    const others = namesOfSide(right);
    if (names.has(undefined) || others.includes(undefined)) this.harmless = false;
    return [...new Set(others)].filter((name) => name !== undefined && names.has(name)) as string[];
  }

  #areEqual(left: Meaning | undefined, right: Meaning | undefined): boolean {
    if (left === undefined || right === undefined || left === 'Other' || right === 'Other') return false;
    const column = (name: string) => ({ ColumnRef: { fields: [{ String: { sval: name } }] } });
    const expression = { A_Expr: { kind: 'AEXPR_OP', name: [{ String: { sval: '=' } }], lexpr: column('l'), rexpr: column('r') } };
    return isHarmless(expression, { ...this.#context, columnOf: ([name]) => (name === 'l' ? left.column : right.column) });
  }

  #harmlessContext(sight: Sight): HarmlessContext {
    const columnOf = (fields: readonly string[]) => {
      const meaning = meaningOf(fields, sight);
      return meaning === undefined || meaning === 'Other' ? undefined : meaning.column;
    };
    return { ...this.#context, columnOf };
  }

  /** `filtered`: items whose rows are gone where a condition is not met. */
  #conditions(expression: Tree, sight: Sight, ctes: Ctes | undefined, filtered: readonly SightItem[]): void {
    for (const condition of conjuncts(expression)) {
      if (!this.#isHarmless(condition, sight, ctes)) this.harmless = false;
      this.#candidates.push({ condition, sight, filtered });
    }
  }

  /** Sub-queries in it are read on the way. */
  #isHarmless(condition: Tree, sight: Sight, ctes: Ctes | undefined): boolean {
    const [tag, node] = unwrap(condition);
    if (tag === 'BoolExpr') return listOf(node.args).filter((each) => !this.#isHarmless(each, sight, ctes)).length === 0;
    if (tag === 'SubLink') return this.#isHarmlessSubLink(node, sight, ctes);
    this.#within(condition, sight, ctes);
    return isHarmless(condition, this.#harmlessContext(sight));
  }

  #isReadHarmlessly(rangeVar: Tree): boolean {
    const reference = this.#references.get(locationOf(rangeVar));
    const scope = reference === undefined ? undefined : this.#context.scopes.get(reference);
    return scope !== undefined && isReadHarmlessly(scope, this.#context.catalog);
  }

  /** EXISTS, and IN: they become joins, or are run on each row. */
  #isHarmlessSubLink(node: Tree, sight: Sight, ctes: Ctes | undefined): boolean {
    const [tag, select] = unwrap(treeOf(node.subselect));
    if (tag !== 'SelectStmt') return false;
    const row = this.query(select, sight, ctes);
    // INVARIANT: where it is run on each row, what it reads is read only if there is one: that must not fail either.
    if (!isPlainQuery(select, (rangeVar) => this.#isReadHarmlessly(rangeVar))) return false;
    const targets = listOf(select.targetList).map((target) => unwrap(treeOf(treeOf(target.ResTarget).val))[0]);
    if (node.subLinkType === 'EXISTS_SUBLINK') return targets.every((target) => target === 'ColumnRef' || target === 'A_Const');
    const [inner, test] = unwrap(treeOf(node.testexpr));
    const isEquality = node.subLinkType === 'ANY_SUBLINK' && (node.operName === undefined || namesOf(node.operName).join('.') === '=');
    const [output] = row.exact && row.outputs.length === 1 ? row.outputs : [];
    return isEquality && inner === 'ColumnRef' && this.#areEqual(meaningOf(fieldsOf(test), sight), output?.meaning);
  }

  /** Without an aggregate it is a condition like those of WHERE. */
  #having(expression: Tree, sight: Sight, ctes: Ctes | undefined): void {
    for (const condition of conjuncts(expression)) {
      const context = this.#harmlessContext(sight);
      // The aggregate of an inner query may be the outer one's, and then it is no aggregate here.
      if (sight.outer === undefined && isHarmlessAggregate(condition, context)) this.#within(condition, sight, ctes);
      else if (!this.#isHarmless(condition, sight, ctes)) this.harmless = false;
    }
  }

  /** Keeps a condition for the one relation that it is about, where no row that fails it could matter. */
  #keep({ condition, sight, filtered }: Candidate, own: Map<RelationReference, Tree[]>): void {
    if (!rejectsNull(condition) || !isHarmless(condition, this.#harmlessContext(sight))) return;
    const about = new Set<RelationReference | undefined>();
    const names = new Map<string, string>();
    for (const fields of columnsOf(condition)) {
      const meaning = meaningOf(fields, sight);
      if (meaning === undefined || meaning === 'Other') return;
      about.add(meaning.reference);
      names.set(fields.join('\u0000'), meaning.column.name);
    }
    const [reference] = about;
    const isFiltered = filtered.some(({ row }) =>
      row.outputs.some(({ meaning }) => meaning !== 'Other' && meaning.reference === reference),
    );
    if (about.size !== 1 || reference === undefined || !isFiltered) return;
    const kept = own.get(reference) ?? [];
    kept.push(rebased(condition, (fields) => names.get(fields.join('\u0000')) ?? ''));
    own.set(reference, kept);
  }

  /** Reads the queries inside of an expression. */
  #within(value: unknown, sight: Sight, ctes: Ctes | undefined): void {
    if (Array.isArray(value)) for (const each of value) this.#within(each, sight, ctes);
    else if (isTree(value)) {
      if (isTree(value.SelectStmt)) this.query(value.SelectStmt, sight, ctes);
      else for (const key of Object.keys(value)) if (key !== 'A_Const') this.#within(value[key], sight, ctes);
    }
  }
}

/** Fields of a query that are read one by one. */
const JUDGED = new Set(['withClause', 'fromClause', 'whereClause', 'havingClause']);

/** The query of a statement that does nothing but read. */
const queryOf = (statement: Tree): Tree | undefined => {
  const [tag, node] = unwrap(statement);
  switch (tag) {
    case 'SelectStmt':
      return node;
    case 'ExplainStmt':
    case 'PrepareStmt':
    case 'DeclareCursorStmt':
    case 'CopyStmt':
      return isTree(node.query) ? queryOf(node.query) : undefined;
    default:
      return undefined;
  }
};

/** The conditions of a statement, as it was parsed. What is not a query has none that are harmless. */
export const readConditions = (statement: Tree, context: StatementContext): Conditions => {
  const query = queryOf(statement);
  const reader = new Reader(context);
  if (query === undefined) {
    const [tag, node] = unwrap(statement);
    return { harmless: tag === 'CopyStmt' && node.query === undefined && node.is_from !== true, own: () => reader.own() };
  }
  reader.query(query, undefined, undefined);
  return { harmless: reader.harmless, own: () => reader.own() };
};
