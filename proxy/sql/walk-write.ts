/**
 * Walks INSERT, UPDATE, DELETE and MERGE: what each clause sees is PostgreSQL's (`transformInsertStmt` and its like in analyze.c,
 * `transformMergeStmt`). FROM and USING never see the target; WHERE, SET and RETURNING do.
 */
import { callsIn } from './value-calls.ts';
import { type Failure, notUnderstood } from '../../kernel/failure.ts';
import type { Assignment, ConflictClause, FromItem, GivenColumns, MergeAction, QueryLevel, RelationReference, Write } from './analysis.ts';
import { isTree, listOf, locationOf, numberOf, stringOf, type Tree, treeOf, unwrap } from './tree.ts';

/** What the walk of a write needs of the walk that it is a part of. `names`: CTEs in sight. */
export type WriteWalk<Names> = {
  readonly check: (tag: string, node: Tree) => void;
  readonly copy: (node: Tree) => void;
  readonly level: (parent: QueryLevel | undefined) => QueryLevel;
  readonly withClause: (value: unknown, parent: QueryLevel | undefined, names: Names) => Names;
  readonly from: (item: Tree, level: QueryLevel, names: Names) => void;
  readonly select: (node: Tree, level: QueryLevel, names: Names) => void;
  readonly node: (wrapped: Tree, level: QueryLevel, names: Names) => void;
  readonly target: (node: Tree) => RelationReference;
  readonly fail: (failure: Failure, location: number) => never;
  readonly add: (write: Write) => void;
};

/** Where a write stands: the query around it, the CTEs in sight, and whether it is the statement itself. */
export type WritePlace<Names> = { readonly parent: QueryLevel | undefined; readonly names: Names; readonly outermost: boolean };

const NOTHING = {
  inserts: [],
  updates: [],
  deletes: false,
  where: undefined,
  reach: undefined,
  fromQuery: false,
  rows: 0,
  calls: [],
  upsert: false,
  conflict: undefined,
  merge: [],
  returning: undefined,
  returningLevel: undefined,
} as const satisfies Partial<Write>;

const targetItem = (reference: RelationReference): FromItem => ({
  type: 'Target',
  name: reference.alias ?? reference.name,
  reference,
  columnAliases: false,
});

const versionItem = (name: string, reference: RelationReference): FromItem => ({ type: 'Version', name, reference, columnAliases: false });

/** COPY FROM. Its WHERE sees the rows that come as those of the target, before they are there. */
export const walkCopyFrom = <Names>(node: Tree, columns: readonly string[] | undefined, names: Names, walk: WriteWalk<Names>): void => {
  const reference = walk.target(treeOf(node.relation));
  if (isTree(node.whereClause)) {
    const level = walk.level(undefined);
    level.items.push(targetItem(reference));
    walk.node(node.whereClause, level, names);
  }
  walk.add({
    ...NOTHING,
    command: 'CopyIn',
    reference,
    inserts: [columns === undefined ? { type: 'First', count: undefined, parameters: [] } : { type: 'Named', columns, parameters: [] }],
    outermost: true,
  });
};

/** One write: the same steps for all four statements, in the order in which PostgreSQL takes them. */
class OneWrite<Names> {
  readonly walk: WriteWalk<Names>;
  readonly node: Tree;
  readonly place: WritePlace<Names>;
  readonly names: Names;
  readonly reference: RelationReference;
  readonly target: FromItem;

  constructor(tag: string, node: Tree, place: WritePlace<Names>, walk: WriteWalk<Names>) {
    walk.check(tag, node);
    this.walk = walk;
    this.node = node;
    this.place = place;
    this.names = walk.withClause(node.withClause, place.parent, place.names);
    this.reference = walk.target(treeOf(node.relation));
    this.target = targetItem(this.reference);
  }

  level(items: readonly FromItem[]): QueryLevel {
    const level = this.walk.level(this.place.parent);
    level.items.push(...items);
    return level;
  }

  optional(value: unknown, level: QueryLevel): Tree | undefined {
    if (!isTree(value)) return undefined;
    this.walk.node(value, level, this.names);
    return value;
  }

  /** Names of FROM or USING, which sees nothing of the target. */
  from(items: readonly Tree[]): readonly FromItem[] {
    const level = this.level([]);
    for (const item of items) this.walk.from(item, level, this.names);
    return level.items;
  }

  indirection(target: Tree, level: QueryLevel): boolean {
    const steps = listOf(target.indirection);
    for (const step of steps) this.walk.node(step, level, this.names);
    return steps.length > 0;
  }

  /** SET. A row or sub-query that gives several columns is walked once. */
  assignments(list: unknown, level: QueryLevel): readonly Assignment[] {
    let source = '';
    return listOf(list).map((wrapped) => {
      const target = treeOf(wrapped.ResTarget);
      this.walk.check('ResTarget', target);
      const partial = this.indirection(target, level);
      const [tag, value] = unwrap(treeOf(target.val));
      let own: Tree | undefined = treeOf(target.val);
      let part: Assignment['part'];
      if (tag === 'MultiAssignRef') {
        this.walk.check(tag, value);
        // The grammar repeats it for each column.
        const repeated = source === JSON.stringify(value.source);
        if (numberOf(value.colno) === 1) this.walk.node(treeOf(value.source), level, this.names);
        else if (repeated) this.walk.copy(unwrap(treeOf(value.source))[1]);
        source = JSON.stringify(value.source);
        part = { number: numberOf(value.colno), of: numberOf(value.ncolumns) };
        const [kind, row] = unwrap(treeOf(value.source));
        own = kind === 'RowExpr' ? listOf(row.args)[numberOf(value.colno) - 1] : undefined;
      } else this.walk.node(own, level, this.names);
      return { column: stringOf(target.name) ?? '', location: locationOf(target), partial, value: own, part };
    });
  }

  /** The column list of INSERT, or what its rows give without one; `width`: of the query that they come from. A column that every row leaves to its default is given nothing. */
  given(list: unknown, level: QueryLevel, rows: readonly (readonly Tree[])[], width?: number): GivenColumns {
    const bound = rows.flatMap((row) =>
      row.flatMap((value, place) => (isTree(value.ParamRef) ? [{ place, parameter: numberOf(value.ParamRef.number) }] : [])),
    );
    // INVARIANT: `(ROW(1, 2)).*` in VALUES stands for several values, so that none is known by its place.
    const starred = rows.some((row) => row.some(isStarred));
    if (list === undefined) {
      const parameters = bound.map(({ place, parameter }) => ({ column: place, parameter }));
      return { type: 'First', count: starred ? undefined : (rows[0]?.length ?? width), parameters };
    }
    const columns = listOf(list).map((wrapped) => {
      const target = treeOf(wrapped.ResTarget);
      this.walk.check('ResTarget', target);
      this.indirection(target, level);
      return stringOf(target.name) ?? '';
    });
    const isLeft = (index: number): boolean =>
      rows.length > 0 && !starred && rows.every((row) => unwrap(row[index] ?? {})[0] === 'SetToDefault');
    const parameters = bound.map(({ place, parameter }) => ({ column: columns[place] ?? '', parameter }));
    return { type: 'Named', columns: columns.filter((_, index) => !isLeft(index)), parameters };
  }

  /** RETURNING, with the old and new rows of version 18 where no other item has their name. */
  returning(others: readonly FromItem[]): Partial<Pick<Write, 'returning' | 'returningLevel'>> {
    const { node } = this;
    if (node.returningClause === undefined && node.returningList === undefined) return {};
    const level = this.level(others);
    let list = listOf(node.returningList);
    if (node.returningClause !== undefined) {
      const clause = treeOf(node.returningClause);
      this.walk.check('ReturningClause', clause);
      const names = new Map<string, string | undefined>();
      for (const wrapped of listOf(clause.options)) {
        const option = treeOf(wrapped.ReturningOption);
        this.walk.check('ReturningOption', option);
        names.set(String(option.option), stringOf(option.value));
      }
      for (const [option, usual] of [
        ['RETURNING_OPTION_OLD', 'old'],
        ['RETURNING_OPTION_NEW', 'new'],
      ] as const) {
        const name = names.get(option);
        if (name !== undefined) level.items.push(versionItem(name, this.reference));
        else if (!others.some((item) => item.name === usual)) level.items.push(versionItem(usual, this.reference));
      }
      list = listOf(clause.exprs);
    }
    for (const item of list) this.walk.node(item, level, this.names);
    return { returning: list.map((item) => treeOf(item.ResTarget)), returningLevel: level };
  }

  conflict(): Partial<Pick<Write, 'conflict' | 'updates' | 'upsert'>> {
    const { walk, names } = this;
    if (this.node.onConflictClause === undefined) return {};
    const clause = treeOf(this.node.onConflictClause);
    walk.check('OnConflictClause', clause);
    const infer = treeOf(clause.infer);
    walk.check('InferClause', infer);
    const level = this.level([this.target]);
    const columns: string[] = [];
    for (const wrapped of listOf(infer.indexElems)) {
      const element = treeOf(wrapped.IndexElem);
      walk.check('IndexElem', element);
      const name = stringOf(element.name);
      if (name === undefined) walk.node(treeOf(element.expr), level, names);
      else columns.push(name);
    }
    this.optional(infer.whereClause, level);
    const upsert = clause.action === 'ONCONFLICT_UPDATE';
    const setting = this.level([this.target, { ...versionItem('excluded', this.reference) }]);
    const updates = this.assignments(clause.targetList, setting);
    const where = this.optional(clause.whereClause, setting);
    const conflict: ConflictClause = {
      action: upsert ? 'Update' : 'Nothing',
      location: locationOf(clause),
      columns,
      constraint: stringOf(infer.conname),
      level,
      where,
    };
    return { conflict, updates, upsert };
  }

  insert(): Write {
    const level = this.level([]);
    const [tag, select] = unwrap(treeOf(this.node.selectStmt));
    if (this.node.selectStmt !== undefined) {
      if (tag !== 'SelectStmt') this.walk.fail(notUnderstood(`INSERT of "${tag}"`), this.reference.location);
      this.walk.select(select, level, this.names);
    }
    const rows = listOf(select.valuesLists);
    const values = rows.map((row) => listOf(treeOf(row.List).items));
    const given: GivenColumns =
      this.node.selectStmt === undefined
        ? { type: 'Named', columns: [], parameters: [] }
        : this.given(this.node.cols, level, values, widthOf(select));
    return {
      ...NOTHING,
      command: 'Insert',
      reference: this.reference,
      inserts: [given],
      fromQuery: this.node.selectStmt !== undefined && rows.length === 0,
      rows: this.node.selectStmt === undefined ? 1 : rows.length,
      calls: callsIn(rows),
      ...this.conflict(),
      ...this.returning([this.target]),
      outermost: this.place.outermost,
    };
  }

  update(): Write {
    const items = [this.target, ...this.from(listOf(this.node.fromClause))];
    const level = this.level(items);
    const updates = this.assignments(this.node.targetList, level);
    const where = this.optional(this.node.whereClause, level);
    return {
      ...NOTHING,
      command: 'Update',
      reference: this.reference,
      updates,
      where,
      reach: { condition: where, level },
      ...this.returning(items),
      outermost: this.place.outermost,
    };
  }

  delete(): Write {
    const items = [this.target, ...this.from(listOf(this.node.usingClause))];
    const level = this.level(items);
    const where = this.optional(this.node.whereClause, level);
    return {
      ...NOTHING,
      command: 'Delete',
      reference: this.reference,
      deletes: true,
      where,
      reach: { condition: where, level },
      ...this.returning(items),
      outermost: this.place.outermost,
    };
  }

  merge(): Write {
    const source = this.from([treeOf(this.node.sourceRelation)]);
    const both = [this.target, ...source];
    const joined = this.level(both);
    const condition = this.optional(this.node.joinCondition, joined);
    const inserts: GivenColumns[] = [];
    const updates: Assignment[] = [];
    const merge: MergeAction[] = [];
    for (const wrapped of listOf(this.node.mergeWhenClauses)) {
      const clause = treeOf(wrapped.MergeWhenClause);
      this.walk.check('MergeWhenClause', clause);
      const when = whenOf(clause) ?? this.walk.fail(notUnderstood('this WHEN of MERGE'), this.reference.location);
      const level = this.level(when === 'Matched' ? both : when === 'NotMatchedByTarget' ? source : [this.target]);
      const condition = this.optional(clause.condition, level);
      const action = MERGE_COMMANDS[String(clause.commandType)];
      if (action === undefined) return this.walk.fail(notUnderstood('this action of MERGE'), this.reference.location);
      merge.push({ when, action, condition });
      if (action === 'Update') updates.push(...this.assignments(clause.targetList, level));
      if (action === 'Insert') {
        const values = listOf(clause.values);
        for (const value of values) this.walk.node(value, level, this.names);
        inserts.push(values.length === 0 ? { type: 'Named', columns: [], parameters: [] } : this.given(clause.targetList, level, [values]));
      }
    }
    return {
      ...NOTHING,
      command: 'Merge',
      reference: this.reference,
      inserts,
      updates,
      deletes: merge.some(({ action }) => action === 'Delete'),
      reach: { condition, level: joined },
      merge,
      ...this.returning(both),
      outermost: this.place.outermost,
    };
  }
}

/** Does the value stand for all columns of a row? */
const isStarred = ({ ColumnRef, A_Indirection }: Tree): boolean =>
  [...listOf(treeOf(ColumnRef).fields), ...listOf(treeOf(A_Indirection).indirection)].some((part) => part.A_Star !== undefined);

/** How many columns a query has; undefined where a star hides that. */
const widthOf = (select: Tree): number | undefined => {
  if (isTree(select.larg)) return widthOf(select.larg);
  const targets = listOf(select.targetList).map((target) => treeOf(treeOf(target.ResTarget).val));
  return targets.length === 0 || targets.some(isStarred) ? undefined : targets.length;
};

const MERGE_COMMANDS: Readonly<Record<string, MergeAction['action']>> = {
  CMD_INSERT: 'Insert',
  CMD_UPDATE: 'Update',
  CMD_DELETE: 'Delete',
  CMD_NOTHING: 'Nothing',
};

const MERGE_MATCHES: ReadonlyMap<unknown, MergeAction['when']> = new Map([
  ['MERGE_WHEN_MATCHED', 'Matched'],
  ['MERGE_WHEN_NOT_MATCHED_BY_TARGET', 'NotMatchedByTarget'],
  ['MERGE_WHEN_NOT_MATCHED_BY_SOURCE', 'NotMatchedBySource'],
]);

/** Up to version 16 a clause is matched or not; later it says which. */
const whenOf = ({ matchKind, matched }: Tree): MergeAction['when'] | undefined => {
  if (matchKind !== undefined) return MERGE_MATCHES.get(matchKind);
  return matched === true ? 'Matched' : 'NotMatchedByTarget';
};

const WRITES: ReadonlyMap<string, (write: OneWrite<unknown>) => Write> = new Map([
  ['InsertStmt', (write) => write.insert()],
  ['UpdateStmt', (write) => write.update()],
  ['DeleteStmt', (write) => write.delete()],
  ['MergeStmt', (write) => write.merge()],
]);

export const isWrite = (tag: string): boolean => WRITES.has(tag);

/** Walks one write and adds it to what was found. */
export const walkWrite = <Names>(tag: string, node: Tree, place: WritePlace<Names>, walk: WriteWalk<Names>): void => {
  const written = WRITES.get(tag) ?? walk.fail(notUnderstood(`"${tag}" as a query`), locationOf(treeOf(node.relation)));
  walk.add(written(new OneWrite(tag, node, place, walk) as OneWrite<unknown>));
};
