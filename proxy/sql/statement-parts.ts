/**
 * What a statement does, part by part: itself, what EXPLAIN, PREPARE, DECLARE and COPY contain, and what changes data in WITH.
 * The kinds are those of a policy's rules.
 */
import type { CalledName } from './analysis.ts';
import { callsIn } from './value-calls.ts';
import { listOf, namesOf, stringOf, tagOf, type Tree, treeOf, unwrap } from './tree.ts';

export type NamedRelation = {
  readonly schema: string | undefined;
  readonly name: string;
  readonly alias: string | undefined;
  /** Its columns may have got other names: of an alias with a list of columns, or of a join that has an alias. */
  readonly renamed: boolean;
};

export type StatementPart = {
  /** As in a rule's `match.statements`. A part may be several: MERGE with its changes, COPY with its reading. */
  readonly kinds: readonly string[];
  /** What it changes, or for a query what its FROM clause reads. */
  readonly targets: readonly NamedRelation[];
  /** `None`: no such clause was written. `NotAsked`: this kind of part has none. */
  readonly where: { readonly type: 'Condition'; readonly tree: Tree } | { readonly type: 'None' } | { readonly type: 'NotAsked' };
  /** It reads queries too, besides the targets: its WHERE may leave those whole. */
  readonly joinsQueries: boolean;
  /** Columns that it gives a value. */
  readonly assigned: readonly string[] | 'All';
  readonly fromQuery: boolean;
  /** What VALUES of INSERT call. */
  readonly calls: readonly CalledName[];
  readonly upsert: boolean;
};

/**
 * The CTEs of one WITH, by name, and how many of them are in sight: each sees those before it, with RECURSIVE all. Of reading only: a query
 * that takes all of one takes all that is behind it.
 */
type Named = {
  readonly ctes: ReadonlyMap<string, { readonly query: Tree; readonly position: number }>;
  readonly visible: number;
  readonly recursive: boolean;
  readonly outer: Named | undefined;
};

/** A query, and the names that it sees. */
type Behind = { readonly query: Tree; readonly named: Named | undefined };

const NOT_ASKED = { type: 'NotAsked' } as const;

const whereOf = (clause: unknown): StatementPart['where'] =>
  clause === undefined ? { type: 'None' } : { type: 'Condition', tree: treeOf(clause) };

const relationOf = (node: Tree, renamed = false): NamedRelation => ({
  schema: stringOf(node.schemaname),
  name: stringOf(node.relname) ?? '',
  alias: stringOf(treeOf(node.alias).aliasname),
  renamed: renamed || treeOf(node.alias).colnames !== undefined,
});

const part = (kinds: readonly string[], rest: Partial<StatementPart> = {}): StatementPart => ({
  kinds,
  targets: [],
  where: NOT_ASKED,
  joinsQueries: false,
  assigned: [],
  fromQuery: false,
  calls: [],
  upsert: false,
  ...rest,
});

/** Statement kinds by the beginning of their node's name. */
const DEFINITIONS: readonly (readonly [RegExp, string])[] = [
  [/^(Create|Define|Index|View|CompositeType|Rule|ImportForeignSchema)/, 'Create'],
  [/^(Alter|Rename)/, 'Alter'],
  [/^Drop/, 'Drop'],
];

const SINGLE: Readonly<Record<string, string>> = {
  TruncateStmt: 'Truncate',
  CommentStmt: 'Comment',
  ReindexStmt: 'Reindex',
  ClusterStmt: 'Cluster',
  RefreshMatViewStmt: 'Refresh',
  LockStmt: 'Lock',
  CallStmt: 'Call',
  DoStmt: 'Do',
};

const otherKinds = (tag: string, node: Tree): readonly string[] => {
  if (tag === 'VacuumStmt') return node.is_vacuumcmd === true ? ['Vacuum'] : ['Analyze'];
  if (tag === 'GrantStmt' || tag === 'GrantRoleStmt') return node.is_grant === true ? ['Grant'] : ['Revoke'];
  if (tag === 'AlterDefaultPrivilegesStmt') return ['Alter', treeOf(node.action).is_grant === true ? 'Grant' : 'Revoke'];
  const single = Object.hasOwn(SINGLE, tag) ? SINGLE[tag] : undefined;
  if (single !== undefined) return [single];
  const found = DEFINITIONS.find(([pattern]) => pattern.test(tag));
  return found === undefined ? [] : [found[1]];
};

const assignedIn = (targets: unknown): readonly string[] =>
  listOf(targets).flatMap((target) => stringOf(treeOf(target.ResTarget).name) ?? []);

const together = (lists: readonly (readonly string[] | 'All')[]): readonly string[] | 'All' =>
  lists.some((list) => list === 'All') ? 'All' : lists.flatMap((list) => (list === 'All' ? [] : list));

const ctesOf = (clause: unknown): readonly Tree[] => listOf(treeOf(clause).ctes).map((wrapped) => treeOf(wrapped.CommonTableExpr));

/** What names mean within a query with this WITH clause. */
const namedBy = (clause: unknown, outer: Named | undefined): Named | undefined => {
  if (clause === undefined) return outer;
  const ctes = ctesOf(clause).map((cte, position) => {
    // What a change returns is not all of a relation.
    return [stringOf(cte.ctename) ?? '', { query: treeOf(treeOf(cte.ctequery).SelectStmt), position }] as const;
  });
  return { ctes: new Map(ctes), visible: ctes.length, recursive: treeOf(clause).recursive === true, outer };
};

/** What the CTE at this position sees of its WITH. */
const seenBy = (position: number, named: Named): Named => (named.recursive ? named : { ...named, visible: position });

/** The CTE that a relation's name stands for. */
const cteOf = ({ schema, name }: NamedRelation, named: Named | undefined): Behind | undefined => {
  if (schema !== undefined) return undefined;
  for (let scope = named; scope !== undefined; scope = scope.outer) {
    const cte = scope.ctes.get(name);
    if (cte === undefined || cte.position >= scope.visible) continue;
    return { query: cte.query, named: seenBy(cte.position, scope) };
  }
  return undefined;
};

const MERGE_CHANGES: Readonly<Record<string, string>> = { CMD_INSERT: 'Insert', CMD_UPDATE: 'Update', CMD_DELETE: 'Delete' };

class Parts {
  readonly parts: StatementPart[] = [];

  statement(wrapped: Tree, named?: Named): void {
    const [tag, node] = unwrap(wrapped);
    const known = this.#with(node.withClause, named);
    switch (tag) {
      case 'SelectStmt':
        this.#select(node, named);
        return;
      case 'InsertStmt':
        this.#insert(node, known);
        return;
      case 'UpdateStmt':
      case 'DeleteStmt':
        this.parts.push(
          part([tag === 'UpdateStmt' ? 'Update' : 'Delete'], {
            targets: [relationOf(treeOf(node.relation))],
            where: whereOf(node.whereClause),
            assigned: assignedIn(node.targetList),
          }),
        );
        return;
      case 'MergeStmt': {
        const clauses = listOf(node.mergeWhenClauses).map((clause) => treeOf(clause.MergeWhenClause));
        const changes = clauses.flatMap((clause) => MERGE_CHANGES[String(clause.commandType)] ?? []);
        const targets = [relationOf(treeOf(node.relation))];
        const assigned = clauses.map((clause) =>
          clause.commandType === 'CMD_INSERT' && clause.targetList === undefined ? 'All' : assignedIn(clause.targetList),
        );
        this.parts.push(
          part(['Merge', ...new Set(changes)], { targets, where: whereOf(node.joinCondition), assigned: together(assigned) }),
        );
        // These change what ON does not hold for: only their own condition says which rows are meant.
        for (const clause of clauses.filter(({ matchKind }) => matchKind === 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE')) {
          const change = MERGE_CHANGES[String(clause.commandType)];
          if (change !== undefined) this.parts.push(part(['Merge', change], { targets, where: whereOf(clause.condition) }));
        }
        return;
      }
      case 'ExplainStmt':
        this.parts.push(part(['Explain']));
        this.statement(treeOf(node.query));
        return;
      case 'PrepareStmt':
      case 'DeclareCursorStmt':
        this.statement(treeOf(node.query));
        return;
      case 'CopyStmt':
        this.#copy(node);
        return;
      case 'CreateTableAsStmt':
        this.parts.push(part(['Create']));
        this.statement(treeOf(node.query));
        return;
      case 'ViewStmt':
        this.parts.push(part(['Create']));
        this.statement(treeOf(node.query));
        return;
      default:
        this.parts.push(part(otherKinds(tag, node)));
    }
  }

  /** Changes in WITH are parts of their own; queries are known by name. */
  #with(clause: unknown, outer: Named | undefined): Named | undefined {
    const named = namedBy(clause, outer);
    for (const [position, cte] of ctesOf(clause).entries()) {
      const query = treeOf(cte.ctequery);
      const seen = named && seenBy(position, named);
      if (tagOf(query) !== 'SelectStmt') this.statement(query, seen);
      else this.#with(treeOf(query.SelectStmt).withClause, seen);
    }
    return named;
  }

  #insert(node: Tree, named: Named | undefined): void {
    const query = treeOf(treeOf(node.selectStmt).SelectStmt);
    const isQuery = node.selectStmt !== undefined && query.valuesLists === undefined;
    this.#with(query.withClause, named);
    const conflict = treeOf(node.onConflictClause);
    const upsert = conflict.action === 'ONCONFLICT_UPDATE';
    const targets = [relationOf(treeOf(node.relation))];
    const inserted = node.cols === undefined && node.selectStmt !== undefined ? 'All' : assignedIn(node.cols);
    const assigned = together([inserted, assignedIn(conflict.targetList)]);
    this.parts.push(
      part(upsert ? ['Insert', 'Update'] : ['Insert'], {
        targets,
        assigned,
        fromQuery: isQuery,
        calls: callsIn(listOf(query.valuesLists)),
        upsert,
      }),
    );
    if (isQuery) this.#select(query, named);
  }

  #copy(node: Tree): void {
    const isFrom = node.is_from === true;
    if (node.query !== undefined) {
      this.parts.push(part(['Copy', 'CopyTo']));
      this.statement(treeOf(node.query));
      return;
    }
    const targets = [relationOf(treeOf(node.relation))];
    const assigned = node.attlist === undefined ? 'All' : namesOf(node.attlist);
    if (isFrom) this.parts.push(part(['Copy', 'CopyFrom', 'Insert'], { targets, assigned }));
    else this.parts.push(part(['Copy', 'CopyTo', 'Select'], { targets, where: { type: 'None' } }));
  }

  /** A query that locks what it reads, wherever in the statement it stands. */
  locking(node: Tree): void {
    const clauses = listOf(node.lockingClause).map((clause) => treeOf(clause.LockingClause));
    const { relations: from, queries } = collect(listOf(node.fromClause), { relations: [], queries: [] });
    const named = new Set(
      clauses.flatMap((clause) => listOf(clause.lockedRels).map((item) => stringOf(treeOf(item.RangeVar).relname) ?? '')),
    );
    const locked = named.size === 0 ? from : from.filter(({ alias, name }) => named.has(alias ?? name));
    // Rows of a sub-query are locked with the others.
    const joinsQueries = named.size === 0 ? queries.length > 0 : locked.length < named.size;
    this.parts.push(part(['SelectForUpdate'], { targets: locked, joinsQueries, where: whereOf(node.whereClause) }));
  }

  #select(node: Tree, named: Named | undefined): void {
    if (node.intoClause !== undefined) this.parts.push(part(['Create']));
    for (const core of coresOf({ query: node, named })) {
      this.parts.push(part(['Select'], readsOf(core, { left: MAX_LOOKS })));
      for (const query of subQueriesIn(core.query.targetList)) this.#select(query, core.named);
    }
  }
}

/** The SELECTs of a set operation, with the names that each sees. */
const coresOf = ({ query, named }: Behind): readonly Behind[] => {
  const known = namedBy(query.withClause, named);
  if (query.larg === undefined) return [{ query, named: known }];
  return [query.larg, query.rarg].flatMap((side) => coresOf({ query: treeOf(side), named: known }));
};

type FromParts = { readonly relations: NamedRelation[]; readonly queries: Tree[] };

const collect = (items: readonly Tree[], parts: FromParts, renamed = false): FromParts => {
  for (const wrapped of items) {
    const [tag, node] = unwrap(wrapped);
    if (tag === 'RangeVar') parts.relations.push(relationOf(node, renamed));
    else if (tag === 'RangeTableSample') collect([treeOf(node.relation)], parts, renamed);
    else if (tag === 'JoinExpr') collect([treeOf(node.larg), treeOf(node.rarg)], parts, renamed || node.alias !== undefined);
    else if (tag === 'RangeSubselect') parts.queries.push(treeOf(treeOf(node.subquery).SelectStmt));
  }
  return parts;
};

/** Queries that are looked into behind one SELECT: a chain of CTEs that each take the one before twice doubles with every step. */
const MAX_LOOKS = 500;

type Reads = Pick<StatementPart, 'targets' | 'where' | 'joinsQueries'>;

/** What one SELECT reads, and the WHERE that leaves rows of that out: its own, or where it has none that of the queries that it takes whole. */
const readsOf = ({ query: core, named }: Behind, looks: { left: number }): Reads => {
  looks.left--;
  const { relations, queries } = collect(listOf(core.fromClause), { relations: [], queries: [] });
  const found = relations.map((relation) => ({ relation, behind: cteOf(relation, named) }));
  const own = found.flatMap(({ relation, behind }) => (behind === undefined ? [relation] : []));
  const taken = [...queries.map((query) => ({ query, named })), ...found.flatMap(({ behind }) => behind ?? [])];
  if (core.whereClause !== undefined || own.length > 0 || looks.left < 0) {
    const joinsQueries = own.length > 0 && taken.length > 0;
    return { targets: own, joinsQueries, where: own.length + taken.length === 0 ? NOT_ASKED : whereOf(core.whereClause) };
  }
  let reads: Reads = { targets: [], where: NOT_ASKED, joinsQueries: false };
  for (const inner of taken.flatMap(coresOf)) {
    const behind = readsOf(inner, looks);
    if (behind.where.type === 'None') return behind;
    if (behind.where.type === 'Condition') reads = behind;
  }
  return reads;
};

/** Nodes at any depth, but not within those that `take` takes. */
const nodesIn = (value: unknown, take: (node: Tree) => boolean): void => {
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next !== 'object' || next === null) continue;
    if (Array.isArray(next)) for (let index = next.length - 1; index >= 0; index--) pending.push(next[index]);
    else if (!take(next as Tree)) for (const inner of Object.values(next).reverse()) pending.push(inner);
  }
};

/** Sub-queries of a select list. */
const subQueriesIn = (value: unknown): readonly Tree[] => {
  const found: Tree[] = [];
  nodesIn(value, (node) => {
    const query = treeOf(node.SubLink).subselect;
    if (query !== undefined) found.push(treeOf(treeOf(query).SelectStmt));
    return query !== undefined;
  });
  return found;
};

/** The parts of a parsed statement, outermost first where it is EXPLAIN or COPY. */
export const statementParts = (statement: Tree): readonly StatementPart[] => {
  const parts = new Parts();
  parts.statement(statement);
  nodesIn(statement, (node) => {
    if (node.lockingClause !== undefined) parts.locking(node);
    return false;
  });
  return parts.parts;
};
