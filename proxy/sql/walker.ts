/**
 * Walks a query of the parse tree and collects what it touches. Things start here: `Walker.query`.
 * INVARIANT: every node and field is judged by `NODE_SHAPES` or by a handler below; what is in neither is refused.
 */
import { type Failure, notUnderstood, statementRefused, statementTooComplex } from '../../kernel/failure.ts';
import type {
  ColumnUse,
  FieldUse,
  FromItem,
  FunctionUse,
  Lock,
  NameUse,
  ParameterUse,
  QueryLevel,
  RelationReference,
  Write,
} from './analysis.ts';
import { functionUse, nameUse, settledCalls, viewedCall } from './calls.ts';
import { EMPTY, type Environment, hasName, noteAhead } from './cte-names.ts';
import { Judged } from './judged.ts';
import { lockable, lockOf } from './locking.ts';
import { misplaced } from './misplaced.ts';
import { NODE_SHAPES } from './nodes.ts';
import { groupItems, parametersOf, targetOf } from './query-level.ts';
import { listOf, locationOf, namesOf, stringOf, type Tree, treeOf, unwrap } from './tree.ts';
import { walkCopyFrom, walkWrite, type WriteWalk } from './walk-write.ts';

/** Deeper trees than this are refused before the JavaScript stack ends; long chains of operators are that deep. */
const MAX_DEPTH = 6000;

export class Walker {
  readonly relations: RelationReference[] = [];
  readonly writes: Write[] = [];
  readonly locks: Lock[] = [];
  readonly functions: FunctionUse[] = [];
  readonly operators: NameUse[] = [];
  readonly types: NameUse[] = [];
  readonly columns: ColumnUse[] = [];
  readonly fields: FieldUse[] = [];
  readonly levels: QueryLevel[] = [];
  readonly parameters: ParameterUse[] = [];
  readonly joined: string[] = [];
  readonly judged = new Judged();
  readonly #fail: (failure: Failure, location: number) => never;
  readonly #writing: WriteWalk<Environment>;
  /** Levels whose FROM clause is being walked. */
  #partial: readonly QueryLevel[] = [];
  readonly #settled = new Map<Tree, string>();
  #depth = 0;
  #writesOpen = 0;

  /** `fail` throws the failure with its place in the agent's text. */
  constructor(fail: (failure: Failure, location: number) => never) {
    this.#fail = fail;
    this.#writing = {
      fail,
      check: (tag, node) => this.#check(tag, node),
      copy: (node) => this.judged.addCopy(node),
      level: (parent) => this.#level(parent),
      withClause: (value, parent, names) => this.#with(value, parent, names),
      from: (item, level, names) => this.#from(item, level, names),
      select: (node, level, names) => void this.#select(node, level, names),
      node: (wrapped, level, names) => this.#node(wrapped, level, names),
      target: (node) => {
        this.#check('RangeVar', node);
        return this.#reference(node, false);
      },
      add: (write) => void this.writes.push(write),
    };
  }

  /** A whole query: SELECT, VALUES, TABLE, WITH, set operations, or a write. `wrapped` is `{ SelectStmt: ... }`. */
  query(wrapped: Tree): void {
    this.#query(wrapped, undefined, EMPTY, true);
  }

  /** Expressions outside of a query, as EXECUTE's parameters. */
  expressions(list: unknown): void {
    const level = this.#level(undefined);
    this.#nodes(listOf(list), level, EMPTY);
  }

  /** A relation that is not in a FROM clause (COPY). */
  relation(node: Tree): RelationReference {
    this.#check('RangeVar', node);
    const reference = this.#reference(node, false);
    this.relations.push(reference);
    return reference;
  }

  /** COPY FROM, as the statement has it. */
  copyFrom(node: Tree, columns: readonly string[] | undefined): void {
    walkCopyFrom(node, columns, EMPTY, this.#writing);
  }

  #level(parent: QueryLevel | undefined): QueryLevel {
    const level: QueryLevel = { parent, items: [], groupBy: undefined, targets: [] };
    this.levels.push(level);
    return level;
  }

  /** The level of its FROM clause; undefined for a write. */
  #query(wrapped: Tree, parent: QueryLevel | undefined, environment: Environment, outermost = false): QueryLevel | undefined {
    const [tag, node] = unwrap(wrapped);
    if (tag === 'SelectStmt') return this.#select(node, parent, environment);
    this.#writesOpen++;
    walkWrite(tag, node, { parent, names: environment, outermost }, this.#writing);
    this.#writesOpen--;
    return undefined;
  }

  #select(node: Tree, parent: QueryLevel | undefined, outer: Environment): QueryLevel {
    if (node.intoClause !== undefined) {
      const into = treeOf(treeOf(node.intoClause).rel);
      this.#fail(statementRefused('SELECT INTO', 'Leave INTO out and read the rows instead.'), locationOf(into));
    }
    this.#check('SelectStmt', node);
    const environment = this.#with(node.withClause, parent, outer);
    if (node.larg !== undefined) {
      this.#enter();
      this.#select(treeOf(node.larg), parent, environment);
      this.#select(treeOf(node.rarg), parent, environment);
      this.#depth--;
    }
    const level = this.#level(parent);
    const partial = this.#partial;
    this.#partial = [...partial, level];
    for (const item of listOf(node.fromClause)) this.#from(item, level, environment);
    this.#partial = partial;
    for (const clause of listOf(node.lockingClause).map((wrapped) => treeOf(wrapped.LockingClause))) {
      this.#check('LockingClause', clause);
      for (const item of listOf(clause.lockedRels)) this.#check('RangeVar', treeOf(item.RangeVar));
      this.locks.push(lockOf(clause, level) ?? this.#fail(notUnderstood('this locking clause'), 0));
    }
    if (!hasName(environment, 'pg_settings')) for (const [call, name] of settledCalls(node)) this.#settled.set(call, name);
    level.groupBy = node.groupClause === undefined ? undefined : groupItems(listOf(node.groupClause));
    level.targets = listOf(node.targetList).map(targetOf);
    for (const field of ['targetList', 'groupClause', 'windowClause', 'valuesLists', 'sortClause'] as const) {
      this.#nodes(listOf(node[field]), level, environment);
    }
    // DISTINCT without ON is a list with one empty node.
    this.#nodes(
      listOf(node.distinctClause).filter((item) => Object.keys(item).length > 0),
      level,
      environment,
    );
    for (const field of ['whereClause', 'havingClause', 'limitOffset', 'limitCount'] as const) {
      if (node[field] !== undefined) this.#node(treeOf(node[field]), level, environment);
    }
    return level;
  }

  /** The names that the query body sees. Each CTE sees the earlier ones, with RECURSIVE all of them. */
  #with(value: unknown, parent: QueryLevel | undefined, outer: Environment): Environment {
    if (value === undefined) return outer;
    const clause = treeOf(value);
    this.#check('WithClause', clause);
    const ctes = listOf(clause.ctes).map((wrapped) => {
      const [tag, cte] = unwrap(wrapped);
      if (tag !== 'CommonTableExpr') this.#fail(notUnderstood(`"${tag}" in WITH`), locationOf(clause));
      this.#check('CommonTableExpr', cte);
      return cte;
    });
    const positions = new Map(ctes.map((cte, position) => [stringOf(cte.ctename) ?? '', position]));
    for (const [position, cte] of ctes.entries()) {
      const environment: Environment = { positions, visible: clause.recursive === true ? ctes.length : position, outer };
      this.#query(treeOf(cte.ctequery), parent, environment);
      for (const [tag, field] of [
        ['CTESearchClause', 'search_clause'],
        ['CTECycleClause', 'cycle_clause'],
      ] as const) {
        if (cte[field] !== undefined) this.#struct(tag, treeOf(cte[field]), this.#level(parent), environment);
      }
    }
    return { positions, visible: ctes.length, outer };
  }

  #from(wrapped: Tree, level: QueryLevel, environment: Environment): void {
    this.#enter();
    this.#fromItem(wrapped, level, environment);
    this.#depth--;
  }

  #fromItem(wrapped: Tree, level: QueryLevel, environment: Environment): void {
    const [tag, node] = unwrap(wrapped);
    const alias = treeOf(node.alias);
    const name = stringOf(alias.aliasname);
    const columnAliases = alias.colnames !== undefined;
    const before = level.items.length;
    let within: readonly RelationReference[] = [];
    const add = (item: FromItem): void => void level.items.push(item);
    this.#check(tag, node);
    switch (tag) {
      case 'RangeVar':
        this.#rangeVar(node, level, environment, false);
        return;
      case 'RangeTableSample': {
        const [inner, relation] = unwrap(treeOf(node.relation));
        if (inner !== 'RangeVar') this.#fail(notUnderstood(`TABLESAMPLE of "${inner}"`), locationOf(node));
        this.functions.push({ ...nameUse(namesOf(node.method), node), constants: [], samples: true });
        this.#rangeVar(relation, level, environment, true);
        this.#nodes(listOf(node.args), level, environment);
        if (node.repeatable !== undefined) this.#node(treeOf(node.repeatable), level, environment);
        return;
      }
      case 'RangeSubselect':
        within = lockable(this.#query(treeOf(node.subquery), level, environment)?.items);
        break;
      case 'JoinExpr': {
        this.#from(treeOf(node.larg), level, environment);
        this.#from(treeOf(node.rarg), level, environment);
        if (node.quals !== undefined) this.#node(treeOf(node.quals), level, environment);
        if (node.usingClause !== undefined || node.isNatural === true) this.#equality(node);
        this.joined.push(...namesOf(node.usingClause), ...(node.isNatural === true ? ['*'] : []));
        const using = stringOf(treeOf(node.join_using_alias).aliasname);
        if (using !== undefined) add({ type: 'Query', name: using, reference: undefined, columnAliases: false });
        if (name === undefined) return;
        for (let index = before; index < level.items.length; index++) level.items[index] = { ...level.items[index]!, covered: true };
        break;
      }
      case 'RangeFunction': {
        const reference = viewedCall(node);
        if (reference !== undefined) {
          for (const item of listOf(node.functions)) this.#check('FuncCall', treeOf(treeOf(listOf(treeOf(item.List).items)[0]).FuncCall));
          this.relations.push(reference);
          return add({ type: 'Relation', name: name ?? reference.calledAs, reference, columnAliases });
        }
        // Each item is a List of the function and its column definitions.
        for (const item of listOf(node.functions)) this.#rangeFunction(item, level, environment);
        this.#nodes(listOf(node.coldeflist), level, environment);
        break;
      }
      case 'RangeTableFunc':
      case 'JsonTable':
        this.#children(tag, node, level, environment);
        break;
      default:
        this.#fail(notUnderstood(`"${tag}" in FROM`), locationOf(node));
    }
    add({ type: tag === 'RangeFunction' ? 'Function' : 'Query', name, reference: undefined, columnAliases, within });
  }

  #rangeFunction(wrapped: Tree, level: QueryLevel, environment: Environment): void {
    const [tag, list] = unwrap(wrapped);
    if (tag !== 'List') this.#fail(notUnderstood(`"${tag}" as a function in FROM`), 0);
    for (const item of listOf(list.items)) {
      if (Object.keys(item).length > 0) this.#node(item, level, environment);
    }
  }

  #rangeVar(node: Tree, level: QueryLevel, environment: Environment, sampled: boolean): void {
    this.#check('RangeVar', node);
    const reference = noteAhead(this.#reference(node, sampled), environment);
    const name = reference.alias ?? reference.name;
    const isCte = reference.schema === undefined && hasName(environment, reference.name);
    if (!isCte) this.relations.push(reference);
    if (isCte) level.items.push({ type: 'Query', name, reference: undefined, columnAliases: reference.columnAliases });
    else level.items.push({ type: 'Relation', name, reference, columnAliases: reference.columnAliases });
  }

  #reference(node: Tree, sampled: boolean): RelationReference {
    const alias = treeOf(node.alias);
    return {
      database: stringOf(node.catalogname),
      schema: stringOf(node.schemaname),
      name: stringOf(node.relname) ?? '',
      location: locationOf(node),
      only: node.inh !== true,
      alias: stringOf(alias.aliasname),
      columnAliases: alias.colnames !== undefined,
      sampled,
    };
  }

  #nodes(list: readonly Tree[], level: QueryLevel, environment: Environment): void {
    for (const item of list) this.#node(item, level, environment);
  }

  #node(wrapped: Tree, level: QueryLevel, environment: Environment): void {
    const [tag, node] = unwrap(wrapped);
    this.#struct(tag, node, level, environment);
  }

  #struct(tag: string, node: Tree, level: QueryLevel, environment: Environment): void {
    this.#check(tag, node);
    switch (tag) {
      case 'SelectStmt':
        this.#select(node, level, environment);
        return;
      case 'ColumnRef':
        this.#column(node, level);
        return;
      case 'FuncCall':
        this.#function(node);
        break;
      case 'A_Expr':
        this.#operator(namesOf(node.name), node);
        this.parameters.push(...parametersOf(node));
        break;
      case 'SubLink':
        if (node.operName !== undefined) this.#operator(namesOf(node.operName), node);
        else if (node.subLinkType === 'ANY_SUBLINK') this.#equality(node);
        break;
      case 'CaseExpr':
        if (node.arg !== undefined) this.#equality(node);
        break;
      case 'SortBy':
        if (node.useOp !== undefined) this.#operator(namesOf(node.useOp), node);
        break;
      case 'TypeName':
        this.#type(node);
        break;
      case 'A_Indirection':
        for (const step of listOf(node.indirection)) {
          const name = stringOf(treeOf(step.String).sval);
          if (name !== undefined) this.fields.push({ name, location: locationOf(node) });
        }
        break;
      case 'SetToDefault':
      case 'CurrentOfExpr':
      case 'MergeSupportFunc':
        if (this.#writesOpen === 0) this.#fail(misplaced(tag), locationOf(node));
        break;
      case 'RangeVar':
      case 'WithClause':
      case 'InsertStmt':
      case 'UpdateStmt':
      case 'DeleteStmt':
      case 'MergeStmt':
      case 'MultiAssignRef':
        this.#fail(notUnderstood(`"${tag}" in an expression`), locationOf(node));
    }
    this.#children(tag, node, level, environment);
  }

  #children(tag: string, node: Tree, level: QueryLevel, environment: Environment): void {
    this.#enter();
    const shape = NODE_SHAPES[tag] ?? {};
    for (const field of Object.keys(node)) {
      const slot = shape[field];
      if (slot === undefined || slot === 'value') continue;
      if (slot === 'node') this.#node(treeOf(node[field]), level, environment);
      else if (slot === 'nodes') this.#nodes(listOf(node[field]), level, environment);
      else this.#struct(slot.slice(1), treeOf(node[field]), level, environment);
    }
    this.#depth--;
  }

  /** Counts a step down; a failure leaves the whole walk, so nothing has to be undone then. */
  #enter(): void {
    this.#depth++;
    if (this.#depth > MAX_DEPTH) this.#fail(statementTooComplex(`Its expressions are nested more than ${MAX_DEPTH} deep.`), 0);
  }

  #check(tag: string, node: Tree): void {
    const shape = Object.hasOwn(NODE_SHAPES, tag) ? NODE_SHAPES[tag] : undefined;
    if (shape === undefined) this.#fail(notUnderstood(`"${tag}"`), locationOf(node));
    for (const field of Object.keys(node)) {
      if (!Object.hasOwn(shape, field)) this.#fail(notUnderstood(`"${field}" of "${tag}"`), locationOf(node));
      if (shape[field] === '=Alias') this.#check('Alias', treeOf(node[field]));
    }
    this.judged.add(node);
  }

  #column(node: Tree, level: QueryLevel): void {
    const parts = listOf(node.fields);
    const star = parts.some((part) => part.A_Star !== undefined);
    const fields = parts.filter((part) => part.String !== undefined).map((part) => stringOf(treeOf(part.String).sval) ?? '');
    this.columns.push({ fields, star, location: locationOf(node), level, partial: this.#partial });
  }

  #function(node: Tree): void {
    if (listOf(node.funcname).length > 2) this.#fail(notUnderstood('a function name with a database'), locationOf(node));
    this.functions.push(functionUse(node, this.#settled.get(node)));
  }

  #operator(names: readonly string[], node: Tree): void {
    // BETWEEN's name is not an operator's; it stands for <= and >=.
    const kind = node.kind;
    if (typeof kind === 'string' && kind.includes('BETWEEN')) {
      for (const name of ['<=', '>=', '<', '>']) this.operators.push({ schema: undefined, name, location: locationOf(node) });
    } else this.operators.push(nameUse(names, node));
  }

  /** IN, USING, NATURAL and CASE compare by `=` without naming it. */
  #equality(node: Tree): void {
    this.operators.push({ schema: undefined, name: '=', location: locationOf(node) });
  }

  #type(node: Tree): void {
    this.types.push(nameUse(namesOf(node.names), node));
  }
}
