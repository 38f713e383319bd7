/**
 * Which names of a statement mean columns of the relation that it writes. Such a relation stands in the statement itself, not as a scope,
 * so a name that may mean one of its masked or hidden columns is replaced or refused.
 * INVARIANT: names are resolved as PostgreSQL resolves them (`transformColumnRef`, parse_relation.c); what is not certain is refused.
 */
import { columnRefused, type Failure, invalidStatement } from '../../kernel/failure.ts';
import { columnUncertain, wholeRowRefused } from '../../kernel/policy-failure.ts';
import { SQLSTATE } from '../../kernel/sqlstate.ts';
import type { Analysis, ColumnUse, FromItem, QueryLevel, RelationReference } from '../sql/analysis.ts';
import { namesOf, unwrap } from '../sql/tree.ts';
import { isClear } from './checks/writes.ts';
import type { DecisionContext, Reason, ResolvedRelation, ResolvedTarget, TargetRead } from './decision.ts';

const SYSTEM_COLUMNS = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);

type Sight = 'Clear' | 'Masked' | 'Hidden' | 'Unknown';

/** May the agent read this column of the target? */
export const sightOf = ({ relation, granted: { grant } }: ResolvedTarget, column: string): Sight => {
  const { select } = grant;
  if (SYSTEM_COLUMNS.has(column)) return select === undefined ? 'Hidden' : 'Clear';
  if (!relation.columns.some(({ name }) => name === column)) return 'Unknown';
  if (select?.masks.some((entry) => entry.column === column)) return 'Masked';
  return select !== undefined && (select.columns === '*' || select.columns.includes(column)) ? 'Clear' : 'Hidden';
};

/** Columns of the target that may be read, as they are or masked, in its own order. */
export const readableColumns = (target: ResolvedTarget): readonly string[] =>
  target.relation.columns.map(({ name }) => name).filter((name) => ['Clear', 'Masked'].includes(sightOf(target, name)));

const isTargetItem = ({ type }: FromItem): boolean => type === 'Target' || type === 'Version';

/** A use, and where around it the target is. */
type Sighted = {
  readonly use: ColumnUse;
  readonly target: ResolvedTarget;
  /** Levels between the use and the target's. */
  readonly inner: readonly QueryLevel[];
  readonly level: QueryLevel;
};

type Finding = { readonly read: TargetRead } | { readonly reason: Reason } | undefined;

class TargetReads {
  readonly relations: ReadonlyMap<RelationReference, ResolvedRelation>;
  readonly context: DecisionContext;

  constructor(relations: readonly ResolvedRelation[], context: DecisionContext) {
    this.relations = new Map(relations.map((resolved) => [resolved.reference, resolved]));
    this.context = context;
  }

  /** Does the scope that stands for the item have this column? Undefined: that is not known. */
  hasColumn(item: FromItem, column: string): boolean | undefined {
    const resolved = item.reference === undefined ? undefined : this.relations.get(item.reference);
    if (resolved === undefined || item.columnAliases || resolved.relation.unlisted === true) return undefined;
    const { relation, access } = resolved;
    if (SYSTEM_COLUMNS.has(column)) return true;
    const select = access.type === 'Granted' && this.context.grants.mode !== 'Audit' ? access.granted.grant.select : undefined;
    if (select === undefined || select.columns === '*') return relation.columns.some(({ name }) => name === column);
    return select.columns.includes(column) || select.masks.some((entry) => entry.column === column);
  }

  /** Does a query inside of the target's have an item of that name in sight of the use? */
  innerItem({ use, inner }: Sighted, qualifier: string): 'No' | 'Certain' | 'Possible' {
    let possible = false;
    for (const level of inner) {
      const named = level.items.filter((item) => item.name === qualifier);
      if (named.length === 0) continue;
      if (!use.partial.includes(level) && named.some((item) => item.covered !== true)) return possible ? 'Possible' : 'Certain';
      possible = true;
    }
    return possible ? 'Possible' : 'No';
  }

  /** Does a query inside of the target's have a column of that name in sight of the use? */
  innerColumn({ use, inner }: Sighted, column: string): 'No' | 'Certain' | 'Possible' {
    let possible = false;
    for (const level of inner) {
      const known = level.items.map((item) => ({ item, has: this.hasColumn(item, column) }));
      const isCertain = !use.partial.includes(level) && known.some(({ item, has }) => has === true && item.covered !== true);
      if (isCertain) return possible ? 'Possible' : 'Certain';
      // ORDER BY and GROUP BY can mean what the select list calls by this name.
      const renamed = level.targets.some((entry) => entry.name === column && entry.column?.at(-1) !== column);
      possible ||= renamed || known.some(({ has }) => has !== false);
    }
    return possible ? 'Possible' : 'No';
  }

  named({ target }: Sighted): string {
    return `${target.relation.schema}.${target.relation.name}`;
  }

  refuse({ use }: Sighted, failure: Reason['failure']): Finding {
    return { reason: { failure, location: use.location, auditable: false } };
  }

  wholeRow(sighted: Sighted): Finding {
    return this.refuse(sighted, wholeRowRefused(this.named(sighted), readableColumns(sighted.target)));
  }

  column(sighted: Sighted, item: string, column: string, certain: boolean): Finding {
    const { target, use, level } = sighted;
    const sight = sightOf(target, column);
    if (sight === 'Clear' || sight === 'Unknown') return undefined;
    if (!certain) return this.refuse(sighted, columnUncertain(column, this.named(sighted)));
    if (sight === 'Hidden' || target.write.conflict?.level === level || target.write.command === 'CopyIn') {
      return this.refuse(sighted, columnRefused(column, this.named(sighted), readableColumns(target)));
    }
    return { read: { target, use, item, column } };
  }

  qualified(sighted: Sighted): Finding {
    const { use, level, target } = sighted;
    const qualifiers = use.star ? use.fields : use.fields.slice(0, -1);
    const [qualifier, schema] = [qualifiers.at(-1) ?? '', qualifiers.at(-2)];
    const { relation, write } = target;
    const isMeant = (item: FromItem): boolean =>
      item.name === qualifier &&
      (schema === undefined || (item.type === 'Target' && write.reference.alias === undefined && schema === relation.schema));
    const item = level.items.filter(isTargetItem).find(isMeant);
    if (item === undefined) return undefined;
    const inner = this.innerItem(sighted, qualifier);
    if (inner === 'Certain') return undefined;
    const column = use.fields.at(-1) ?? '';
    if (use.star) {
      if (this.isReturned(sighted)) return { read: { target, use, item: qualifier, column: { whole: 'All' } } };
      return this.wholeRow(sighted);
    }
    // `t.f` where `f` is no column is `f(t)`.
    if (sightOf(target, column) === 'Unknown') return this.isCallable(column) ? this.wholeRow(sighted) : undefined;
    return this.column(sighted, qualifier, column, inner === 'No');
  }

  unqualified(sighted: Sighted): Finding {
    const { use, level, target } = sighted;
    const name = use.fields[0] ?? '';
    const own = level.items.filter(isTargetItem);
    const inner = this.innerColumn(sighted, name);
    if (inner === 'Certain') return undefined;
    if (sightOf(target, name) !== 'Unknown') {
      // `old` and `new` are only meant by name; `excluded` makes every plain column ambiguous.
      const item = own.find(({ type }) => type === 'Target');
      const certain = inner === 'No' && item !== undefined && !own.some((other) => other.name === 'excluded' && other.type === 'Version');
      return this.column(sighted, item?.name ?? '', name, certain);
    }
    // A name that is no column anywhere may be a whole row.
    if (!own.some((item) => item.name === name) || this.innerItem(sighted, name) === 'Certain') return undefined;
    if (level.items.some((item) => !isTargetItem(item) && this.hasColumn(item, name) === true)) return undefined;
    const certain =
      inner === 'No' &&
      this.innerItem(sighted, name) === 'No' &&
      level.items.every((item) => this.hasColumn(item, name) === false || isTargetItem(item));
    const isProposed = level !== target.write.returningLevel && own.find((item) => item.name === name)?.type === 'Version';
    const isArbiter = target.write.conflict?.level === level;
    if (!certain || isProposed || isArbiter || target.write.command === 'CopyIn' || readableColumns(target).length === 0)
      return this.wholeRow(sighted);
    return { read: { target, use, item: name, column: { whole: 'Row' } } };
  }

  isCallable(name: string): boolean {
    const { builtinFunctions, builtinTypes, functions, userTypes } = this.context.catalog;
    return builtinFunctions.has(name) || builtinTypes.has(name) || functions.has(name) || userTypes.has(name);
  }

  /** Is the use an entry of RETURNING by itself? */
  isReturned({ use, target: { write } }: Sighted): boolean {
    return (
      use.level === write.returningLevel &&
      write.returning?.some((entry) => {
        const [tag, value] = unwrap((entry.val ?? {}) as Record<string, unknown>);
        return tag === 'ColumnRef' && value.location === use.location && namesOf(value.fields).length > 0;
      }) === true
    );
  }
}

/** `SET c = excluded.c` stores the agent's own value where it belongs: nothing is read. */
const isOwnValue = ({ use, target: { write } }: Sighted): boolean =>
  write.upsert &&
  use.fields.length === 2 &&
  use.fields[0] === 'excluded' &&
  write.updates.some(({ column, partial, value }) => {
    const [tag, node] = unwrap(value ?? {});
    return !partial && tag === 'ColumnRef' && node.location === use.location && column === use.fields[1];
  });

/** As PostgreSQL says it. */
const namedTwice = ({ alias, name }: RelationReference, kind: string): Failure => {
  const twice = `name "${alias ?? name}" specified more than once`;
  const detail = 'The name is used both as MERGE target table and data source.';
  return kind === 'Merge'
    ? invalidStatement(SQLSTATE.duplicateAlias, twice, detail)
    : invalidStatement(SQLSTATE.duplicateAlias, `table ${twice}`);
};

/** Reads of targets that have to be replaced, and the reasons to refuse others. */
export const targetReads = (
  analysis: Analysis,
  { relations, targets }: { readonly relations: readonly ResolvedRelation[]; readonly targets: readonly ResolvedTarget[] },
  context: DecisionContext,
): { readonly reads: readonly TargetRead[]; readonly reasons: readonly Reason[] } => {
  const reads: TargetRead[] = [];
  const reasons: Reason[] = [];
  const finder = new TargetReads(relations, context);
  const byReference = new Map(targets.map((target) => [target.write.reference, target]));
  for (const target of targets) {
    const twice = analysis.levels.find((level) => {
      const own = level.items.find((item) => item.type === 'Target' && item.reference === target.write.reference);
      return own !== undefined && level.items.filter((item) => item.name === own.name && !isTargetItem(item)).length > 0;
    });
    if (twice === undefined) continue;
    reasons.push({ failure: namedTwice(target.write.reference, analysis.kind), location: 0, auditable: false });
  }
  for (const use of analysis.columns) {
    const sighted = sightedFrom(use, byReference);
    if (sighted === undefined) continue;
    const { target } = sighted;
    const starred = use.star && use.fields.length === 0;
    if (starred) {
      if (use.level === target.write.returningLevel) reads.push({ target, use, item: '', column: { whole: 'All' } });
      continue;
    }
    if (isClear(target.granted.grant)) {
      const item = use.fields.at(-1) ?? '';
      const isOwn = use.star && use.level.items.some((entry) => isTargetItem(entry) && entry.name === item);
      if (isOwn && finder.isReturned(sighted)) reads.push({ target, use, item, column: { whole: 'All' } });
      continue;
    }
    if (isOwnValue(sighted)) continue;
    const found = use.star || use.fields.length > 1 ? finder.qualified(sighted) : finder.unqualified(sighted);
    if (found === undefined) continue;
    if ('read' in found) reads.push(found.read);
    else reasons.push(found.reason);
  }
  return { reads, reasons };
};

const sightedFrom = (use: ColumnUse, targets: ReadonlyMap<RelationReference, ResolvedTarget>): Sighted | undefined => {
  const inner: QueryLevel[] = [];
  for (let level: QueryLevel | undefined = use.level; level !== undefined; level = level.parent) {
    const item = level.items.find(isTargetItem);
    const target = item?.reference === undefined ? undefined : targets.get(item.reference);
    if (target !== undefined) return { use, target, inner, level };
    inner.push(level);
  }
  return undefined;
};
