/**
 * Traces the columns of a view to those of the relations in its FROM clauses. The definition is what `pg_get_viewdef` prints with an empty
 * search_path: relations and functions outside of pg_catalog are qualified, and no star stands for columns.
 */
import type { CatalogRelation } from '../../catalog/catalog.ts';
import { listOf, namesOf, numberOf, stringOf, type Tree, treeOf, unwrap } from '../../sql/tree.ts';
import { asksSetting, hasCall, hasWindow, isAggregated, makesRows, mixesRows } from './definition-forms.ts';
import { type Lineage, type Telling, type TraceContext, Untraceable } from './lineage.ts';
import { traceValue } from './trace-value.ts';
import { calledBy, type Item, type Names, type Output, rowOfName, valueOfName } from './names.ts';
import { CONSTANT, columnValue, dependingOn, derived, either, isAlike, type Leaf, leavesOf, type Value } from './value.ts';

type Query = {
  readonly outputs: readonly Output[];
  readonly passing: ReadonlySet<number>;
  /** Of UNION, whose rows are those of these queries. */
  readonly united?: readonly Part[];
};

/** `from`, `to`: its entries of FROM, by their numbers. */
type Part = Query & { readonly from: number; readonly to: number };

type Cte = { readonly tree: Tree; readonly around: Ctes; readonly recursive: boolean };

/** In sight, by name. `outputs`: of a recursive one, as far as they are known. */
type Ctes = ReadonlyMap<string, Cte | { readonly outputs: readonly Output[] }>;

type From = { readonly items: readonly Item[]; readonly merged: ReadonlyMap<string, Value>; readonly passing: ReadonlySet<number> };

const NONE: ReadonlySet<number> = new Set();
const NO_FROM: From = { items: [], merged: new Map(), passing: NONE };

/** Entries of FROM in one definition, as often as they are traced: CTEs are wherever they are named, and may name each other. */
const MAX_ENTRIES = 2000;
const MAX_ROUNDS = 20;

const both = (one: ReadonlySet<number>, other: ReadonlySet<number>): ReadonlySet<number> => new Set([...one, ...other]);

class DefinitionTracer {
  readonly items: { item: number; relation: CatalogRelation }[] = [];
  readonly tellings: Telling[] = [];
  hasFunctions = false;
  #entries = 0;
  #made = 0;
  readonly #context: TraceContext;

  constructor(context: TraceContext) {
    this.#context = context;
  }

  query(select: Tree, ctes: Ctes, outer: Names | undefined): Query {
    const known = this.#withCtes(select, ctes);
    const operation = stringOf(select.op) ?? 'SETOP_NONE';
    if (operation !== 'SETOP_NONE') return this.#setOperation(select, known, outer);
    if (select.valuesLists !== undefined) return this.#values(select, known, outer);
    const before = this.tellings.length;
    let from: From = NO_FROM;
    for (const entry of listOf(select.fromClause)) {
      const names: Names = { items: from.items, merged: from.merged, outer };
      const next = this.#from(entry, known, { outer, lateral: names });
      from = {
        items: [...from.items, ...next.items],
        merged: new Map([...from.merged, ...next.merged]),
        passing: both(from.passing, next.passing),
      };
    }
    const names: Names = { items: from.items, merged: from.merged, outer };
    this.#conditions(treeOf(select.whereClause), names, known);
    const multiplied = isAggregated(select)
      ? this.tellings
          .slice(before)
          .filter(isOfMadeRows)
          .flatMap(({ leaves }) => leaves)
      : [];
    this.#conditions(treeOf(select.havingClause), names, known);
    const limited = this.#limits(select, names, known);
    const windows = listOf(select.windowClause).map((window) => this.#value(window, names, known));
    const outputs = listOf(select.targetList).flatMap((target) => this.#target(target, names, { ctes: known, windows, multiplied }));
    for (const clause of [select.groupClause, select.distinctClause, select.sortClause]) {
      for (const each of listOf(clause)) this.#rows([this.#sorted(each, outputs, { names, ctes: known })]);
    }
    if (select.distinctClause !== undefined) this.#rows(outputs.map(({ value }) => value));
    this.#rows(windows);
    const reshaped = limited || mixesRows(select);
    return { outputs, passing: reshaped ? NONE : from.passing };
  }

  /** Does LIMIT or OFFSET choose rows by their number? */
  #limits({ limitCount, limitOffset }: Tree, names: Names, ctes: Ctes): boolean {
    for (const limit of [limitCount, limitOffset]) this.#makesRows(limit, this.#value(treeOf(limit), names, ctes, true));
    return limitCount !== undefined || limitOffset !== undefined;
  }

  /** A query, and which entries are its own. */
  #part(select: Tree, ctes: Ctes, outer: Names | undefined): Part {
    const from = this.items.length;
    return { ...this.query(select, ctes, outer), from, to: this.items.length };
  }

  #withCtes(select: Tree, ctes: Ctes): Ctes {
    const clause = treeOf(select.withClause);
    const known = new Map(ctes);
    const recursive = clause.recursive === true;
    for (const wrapped of listOf(clause.ctes)) {
      const [, tree] = unwrap(wrapped);
      // With RECURSIVE, one may name those behind it.
      known.set(stringOf(tree.ctename) ?? '', { tree, around: recursive ? known : new Map(known), recursive });
    }
    return known;
  }

  #setOperation(select: Tree, ctes: Ctes, outer: Names | undefined): Query {
    const left = this.#part(treeOf(select.larg), ctes, outer);
    const right = this.#part(treeOf(select.rarg), ctes, outer);
    if (left.outputs.length !== right.outputs.length) throw new Untraceable('the sides of a set operation differ');
    const outputs = left.outputs.map(({ name, value }, index) => ({ name, value: either([value, right.outputs[index]!.value]) }));
    const plain = select.op === 'SETOP_UNION' && select.all === true;
    if (!plain) {
      for (const { value } of outputs) {
        this.#rows([value]);
        this.tellings.push({ type: 'Condition', leaves: leavesOf(value), asksSetting: false });
      }
    }
    const names: Names = { items: [{ name: undefined, outputs }], merged: new Map(), outer };
    for (const each of listOf(select.sortClause)) this.#rows([this.#sorted(each, outputs, { names, ctes })]);
    const isUnion = !this.#limits(select, names, ctes) && select.op === 'SETOP_UNION';
    return { outputs, passing: NONE, ...(isUnion && { united: [left, right].flatMap((part) => part.united ?? part) }) };
  }

  #values(select: Tree, ctes: Ctes, outer: Names | undefined): Query {
    const names: Names = { items: [], merged: new Map(), outer };
    const rows = listOf(select.valuesLists).map((row) => listOf(unwrap(row)[1].items).map((each) => this.#value(each, names, ctes)));
    const outputs = (rows[0] ?? []).map((_, index) => ({
      name: `column${index + 1}`,
      value: either(rows.map((row) => row[index] ?? CONSTANT)),
    }));
    this.#limits(select, names, ctes);
    return { outputs, passing: NONE };
  }

  #target(wrapped: Tree, names: Names, { ctes, windows, multiplied }: TargetContext): readonly Output[] {
    const [, target] = unwrap(wrapped);
    const [, value] = unwrap(treeOf(target.val));
    const fields = listOf(value.fields);
    if (fields.at(-1)?.A_Star !== undefined) {
      const row = rowOfName(namesOf(fields.slice(0, -1)).at(-1), names);
      if (row === undefined || names.merged.size > 0 || row.some(({ rest }) => rest !== undefined)) throw new Untraceable('a star');
      return row.flatMap(({ outputs }) => outputs);
    }
    const traced = this.#value(treeOf(target.val), names, ctes);
    const name = stringOf(target.name) ?? namesOf(value.fields).at(-1) ?? '';
    if (makesRows(target.val)) this.#makesRows(target.val, traced);
    const whole = hasWindow(target.val) ? derived([traced, ...windows]) : traced;
    return [{ name, value: hasCall(target.val) ? dependingOn(whole, multiplied) : whole }];
  }

  /** An entry of GROUP BY, DISTINCT ON or ORDER BY: an expression, the number of a column, or its name. */
  #sorted(wrapped: Tree, outputs: readonly Output[], { names, ctes }: { readonly names: Names; readonly ctes: Ctes }): Value {
    const [tag, node] = unwrap(wrapped);
    const inner = tag === 'SortBy' ? treeOf(node.node) : wrapped;
    const number = numberOf(treeOf(treeOf(inner.A_Const).ival).ival);
    return outputs[number - 1]?.value ?? this.#value(inner, names, ctes);
  }

  #rows(values: readonly Value[]): void {
    this.tellings.push({ type: 'Rows', leaves: values.flatMap(leavesOf), asksSetting: false });
  }

  /** What a function that makes rows, or LIMIT, was given. */
  #makesRows(tree: unknown, value: Value): void {
    this.tellings.push({ type: 'Made', leaves: leavesOf(value), asksSetting: asksSetting(tree) });
  }

  /** What no column has a part in is a column of its own: a condition may tie it to another. */
  #itself(item: Item): Item {
    const leaf: Leaf = { item: --this.#made, relation: undefined, column: item.name ?? 'a constant' };
    const marked = (value: Value): Value => (leavesOf(value).length === 0 ? { ...value, by: [leaf] } : value);
    return {
      ...item,
      outputs: item.outputs.map(({ name, value }) => ({ name, value: marked(value) })),
      ...(item.rest !== undefined && { rest: { ...item.rest, by: [...item.rest.by, leaf] } }),
    };
  }

  /** Each condition by itself: columns are compared with those beside them. */
  #conditions(tree: Tree, names: Names, ctes: Ctes): void {
    const [tag, node] = unwrap(tree);
    if (tag === '') return;
    if (tag === 'BoolExpr') {
      for (const each of listOf(node.args)) this.#conditions(each, names, ctes);
      return;
    }
    const value = this.#value(tree, names, ctes, true);
    this.tellings.push({ type: 'Condition', leaves: leavesOf(value), asksSetting: asksSetting(tree) });
  }

  /** `asCondition`: what decides about the rows of a sub-query is said there. */
  #value(tree: Tree, names: Names, ctes: Ctes, asCondition = false): Value {
    return traceValue(tree, {
      name: (fields) => {
        const found = valueOfName(fields, names);
        if (found === undefined) throw new Untraceable(`the name "${fields.join('.')}"`);
        return found;
      },
      row: (table) => {
        const found = rowOfName(table, names);
        if (found === undefined) throw new Untraceable(`the name "${table ?? '*'}"`);
        return found;
      },
      opaque: this.#context.opaque,
      itself: (column, calledWith) => ({ item: --this.#made, relation: undefined, column, calledWith }),
      query: (select) => {
        const before = this.tellings.length;
        const { outputs } = this.query(select, ctes, names);
        const told = this.tellings.slice(before).flatMap(({ leaves }) => leaves);
        return { outputs: outputs.map(({ value }) => value), told: asCondition ? [] : told };
      },
    });
  }

  #from(wrapped: Tree, ctes: Ctes, around: { readonly outer: Names | undefined; readonly lateral: Names }): From {
    const [tag, node] = unwrap(wrapped);
    const alias = treeOf(node.alias);
    const called = (item: Item): Item => calledBy(item, stringOf(alias.aliasname), namesOf(alias.colnames));
    const one = (item: Item, passing: ReadonlySet<number>): From => ({ items: [called(this.#itself(item))], merged: new Map(), passing });
    switch (tag) {
      case 'RangeVar':
        return this.#relation(node, ctes, one);
      case 'RangeSubselect': {
        const outer = node.lateral === true ? around.lateral : around.outer;
        const before = this.tellings.length;
        const { outputs, passing } = this.query(treeOf(treeOf(node.subquery).SelectStmt), ctes, outer);
        // Whether there is a row, and of how many, is told for each row before it.
        const told = node.lateral === true ? this.tellings.slice(before).flatMap(({ leaves }) => leaves) : [];
        const own = outputs.map(({ name, value }) => ({ name, value: leavesOf(value).length === 0 ? dependingOn(value, told) : value }));
        return one({ name: undefined, outputs: own }, passing);
      }
      case 'RangeTableSample':
        this.#makesRows(node.args, this.#value({ List: { items: [node.args, node.repeatable] } }, around.lateral, ctes));
        return this.#from(treeOf(node.relation), ctes, around);
      case 'JoinExpr':
        return this.#join(node, ctes, around);
      case 'RangeFunction': {
        this.hasFunctions = true;
        const rest = this.#value({ List: { items: [node.functions, node.coldeflist] } }, around.lateral, ctes);
        this.#makesRows(node, rest);
        const [first] = listOf(node.functions);
        const name = namesOf(treeOf(unwrap(listOf(unwrap(first ?? {})[1].items)[0] ?? {})[1]).funcname).at(-1);
        return one({ name, outputs: [], rest }, NONE);
      }
      case 'RangeTableFunc':
      case 'JsonTable': {
        const rest = derived([this.#value(wrapped, around.lateral, ctes)]);
        this.#makesRows(wrapped, rest);
        return one({ name: undefined, outputs: [], rest }, NONE);
      }
      default:
        throw new Untraceable(`${tag} in FROM`);
    }
  }

  #relation(node: Tree, ctes: Ctes, one: (item: Item, passing: ReadonlySet<number>) => From): From {
    if (this.#entries >= MAX_ENTRIES) throw new Untraceable('so many relations');
    this.#entries += 1;
    const name = stringOf(node.relname) ?? '';
    const schema = stringOf(node.schemaname);
    const cte = schema === undefined ? ctes.get(name) : undefined;
    if (cte !== undefined) {
      const { outputs, passing } = 'outputs' in cte ? { outputs: cte.outputs, passing: NONE } : this.#cte(cte, name);
      return one({ name, outputs }, passing);
    }
    const relation = this.#context.relation(schema, name);
    if (relation === undefined) throw new Untraceable(`relation "${name}"`);
    const item = this.items.length;
    this.items.push({ item, relation });
    const outputs = relation.columns.map((column) => ({ name: column.name, value: columnValue({ item, relation, column: column.name }) }));
    return one({ name, outputs }, new Set([item]));
  }

  /** Traced anew for each place that names it: the rows there are other ones. */
  #cte({ tree, around, recursive }: Cte, name: string): Query {
    const select = treeOf(treeOf(tree.ctequery).SelectStmt);
    const columns = namesOf(tree.aliascolnames);
    const named = (query: Query): Query => ({
      ...query,
      outputs: query.outputs.map((output, index) => ({ ...output, name: columns[index] ?? output.name })),
    });
    if (!recursive || select.op === 'SETOP_NONE') return named(this.query(select, around, undefined));
    if (tree.search_clause !== undefined || tree.cycle_clause !== undefined) throw new Untraceable('SEARCH and CYCLE');
    const items = this.items.length;
    const tellings = this.tellings.length;
    const made = this.#made;
    let known = named(this.query(treeOf(select.larg), this.#withCtes(select, around), undefined)).outputs;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      // The same definition is read again, and its entries get the same numbers.
      this.items.length = items;
      this.tellings.length = tellings;
      this.#made = made;
      const { outputs } = named(this.query(select, new Map([...around, [name, { outputs: known }]]), undefined));
      if (outputs.every(({ value }, index) => isAlike(value, known[index]?.value ?? CONSTANT))) return { outputs, passing: NONE };
      known = outputs;
    }
    throw new Untraceable('its recursion');
  }

  #join(node: Tree, ctes: Ctes, around: { readonly outer: Names | undefined; readonly lateral: Names }): From {
    const left = this.#from(treeOf(node.larg), ctes, around);
    const lateral: Names = {
      items: [...around.lateral.items, ...left.items],
      merged: new Map([...around.lateral.merged, ...left.merged]),
      outer: around.outer,
    };
    const right = this.#from(treeOf(node.rarg), ctes, { ...around, lateral });
    const [one, other] = [columnsOf(left), columnsOf(right)];
    const common = [...one.keys()].filter((name) => other.has(name));
    const using = node.isNatural === true ? common : namesOf(node.usingClause);
    const merged = new Map([...left.merged, ...right.merged]);
    for (const name of using) {
      const values = [one.get(name), other.get(name)].map((value) => value ?? CONSTANT);
      merged.set(name, either(values));
      this.tellings.push({ type: 'Condition', leaves: values.flatMap(leavesOf), asksSetting: false });
    }
    const type = stringOf(node.jointype) ?? '';
    const items = [...itemsOf(left, type, 'JOIN_RIGHT'), ...itemsOf(right, type, 'JOIN_LEFT')];
    this.#conditions(treeOf(node.quals), { items, merged, outer: around.lateral }, ctes);
    const passing = {
      JOIN_INNER: both(left.passing, right.passing),
      JOIN_LEFT: left.passing,
      JOIN_RIGHT: right.passing,
    }[type];
    const alias = treeOf(node.alias);
    if (alias.aliasname === undefined) {
      const usingAlias = stringOf(treeOf(node.join_using_alias).aliasname);
      const extra =
        usingAlias === undefined ? [] : [{ name: usingAlias, outputs: using.map((name) => ({ name, value: merged.get(name)! })) }];
      return { items: [...items, ...extra], merged, passing: passing ?? NONE };
    }
    const rest = (columns: ReadonlyMap<string, Value>) => [...columns].filter(([name]) => !using.includes(name));
    const outputs = [...using.map((name) => [name, merged.get(name)!] as const), ...rest(one), ...rest(other)];
    const whole: Item = { name: undefined, outputs: outputs.map(([name, value]) => ({ name, value })) };
    if (items.some((item) => item.rest !== undefined) || one.size + other.size < items.flatMap((item) => item.outputs).length)
      throw new Untraceable('a join under a name');
    return { items: [calledBy(whole, stringOf(alias.aliasname), namesOf(alias.colnames))], merged: new Map(), passing: passing ?? NONE };
  }
}

/** The entries of one side of a join; where `outer` or a full join fills them with NULLs, nothing is as it stands there. */
const itemsOf = ({ items }: From, type: string, outer: string): readonly Item[] =>
  type !== outer && type !== 'JOIN_FULL'
    ? items
    : items.map((item) => ({ ...item, outputs: item.outputs.map(({ name, value }) => ({ name, value: { ...value, only: false } })) }));

/** By name, those that USING merged once. */
const columnsOf = ({ items, merged }: From): ReadonlyMap<string, Value> => {
  const columns = new Map<string, Value>(merged);
  for (const { outputs } of items) for (const { name, value } of outputs) if (!columns.has(name)) columns.set(name, value);
  return columns;
};

type TargetContext = {
  readonly ctes: Ctes;
  readonly windows: readonly Value[];
  /** What decides of how many rows an aggregate is. */
  readonly multiplied: readonly Leaf[];
};

const isOfMadeRows = ({ type, leaves }: Telling): boolean =>
  type === 'Made' || leaves.some(({ relation, calledWith }) => relation === undefined && calledWith === undefined);

/** @throws Untraceable */
export const traceDefinition = (definition: Tree, context: TraceContext): Lineage => {
  const select = treeOf(definition.SelectStmt);
  const tracer = new DefinitionTracer(context);
  try {
    const query = tracer.query(select, new Map(), undefined);
    const { tellings, items, hasFunctions } = tracer;
    const valuesOf = ({ outputs }: Query): readonly Value[] => outputs.map(({ value }) => value);
    const whole: Part = { ...query, from: 0, to: items.length };
    const parts = (query.united ?? [whole]).map((part) => ({
      outputs: valuesOf(part),
      passing: part.passing,
      items: items.slice(part.from, part.to),
    }));
    return { outputs: valuesOf(query), tellings, items, hasFunctions, parts };
  } catch (error) {
    // The stack is at its end: a sum of a thousand terms has as many levels.
    if (error instanceof RangeError) throw new Untraceable('it is nested too deeply', { cause: error });
    throw error;
  }
};
