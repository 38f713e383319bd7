/**
 * What a statement writes: is the agent granted to, with these columns?
 */
import {
  columnRefused,
  grantUnusable,
  notUnderstood,
  relationRefused,
  relationUnknown,
  statementRefused,
} from '../../../kernel/failure.ts';
import { columnWriteRefused, writeRefused } from '../../../kernel/policy-failure.ts';
import type { ColumnList, RelationGrant } from '../../../kernel/policy.ts';
import { type CatalogRelation, relationKey } from '../../catalog/catalog.ts';
import type { GivenColumns, Lock, Write } from '../../sql/analysis.ts';
import type { DecisionContext, Reason, ResolvedRelation, ResolvedTarget } from '../decision.ts';
import type { Grants } from '../grants.ts';
import { displayed, isWhole, narrowingProblem, readableRelations, resolveRelation, shadowingFailure, shownThrough } from './relations.ts';

export type WriteVerdict = { readonly target: ResolvedTarget | undefined; readonly reasons: readonly Reason[] };

type Verb = 'insert' | 'update' | 'delete';

const isGranted = (verb: Verb, grant: RelationGrant): boolean => (verb === 'delete' ? grant.delete : grant[verb] !== undefined);

/** Names of the relations that are granted for `verb`, for the hint. */
const grantedFor = (verb: Verb, grants: Grants): readonly string[] =>
  [...grants.relations.values()].filter(({ grant }) => isGranted(verb, grant)).map(({ grant }) => `${grant.schema}.${grant.name}`);

const verbsOf = ({ inserts, updates, deletes }: Write): readonly Verb[] => [
  ...(inserts.length > 0 ? (['insert'] as const) : []),
  ...(updates.length > 0 ? (['update'] as const) : []),
  ...(deletes ? (['delete'] as const) : []),
];

/** Names of the columns that new rows are given. */
export const givenColumns = (given: GivenColumns, { columns }: CatalogRelation): readonly string[] =>
  given.type === 'Named' ? given.columns : columns.slice(0, given.count).map(({ name }) => name);

const lacking = (columns: readonly string[], granted: ColumnList): readonly string[] =>
  granted === '*' ? [] : [...new Set(columns)].filter((column) => !granted.includes(column));

/** Relations whose rows PostgreSQL itself stores. Others write through to something else. */
const STORED = new Set(['r', 'p']);

const VIEWS = new Set(['v', 'm']);

/** A relation beneath a view that the policy grants, and not for what this statement does; what it does not name is the view's own. */
const writtenBeneath = (write: Write, relation: CatalogRelation, { catalog, grants }: DecisionContext): string | undefined => {
  const verbs = verbsOf(write);
  const met = new Set<number>();
  const pending = [...relation.reaches];
  for (let oid = pending.pop(); oid !== undefined; oid = pending.pop()) {
    const base = catalog.relationsByOid.get(oid);
    if (base === undefined || met.has(oid)) continue;
    met.add(oid);
    pending.push(...base.reaches);
    const grant = grants.relations.get(relationKey(base.schema, base.name))?.grant;
    const isWritable = (verb: Verb): boolean => (verb === 'delete' ? grant?.delete === true : grant?.[verb]?.columns === '*');
    if (grant !== undefined && !verbs.every(isWritable)) return `${base.schema}.${base.name}`;
  }
  return undefined;
};

/** What of the grant or the statement cannot be kept, whatever the columns. */
const unusable = (
  write: Write,
  relation: CatalogRelation,
  grant: RelationGrant,
  context: DecisionContext,
): Reason['failure'] | undefined => {
  const name = displayed(write.reference);
  if (VIEWS.has(relation.kind) && grant.beneath !== 'Ignore') {
    if (relation.diverts === true) {
      return grantUnusable(name, 'Rules or INSTEAD OF triggers make something else of what is written to it; `beneath: Ignore` lets them.');
    }
    const base = writtenBeneath(write, relation, context);
    if (base !== undefined) return grantUnusable(name, `Writing it would write ${base}, which the policy does not grant whole for that.`);
  }
  const behind =
    grant.beneath !== 'Ignore' && grant.where === undefined && (grant.select === undefined || isWhole(grant))
      ? shownThrough(relation, context)
      : undefined;
  if (behind !== undefined) {
    return grantUnusable(name, `Writing it would write ${behind.schema}.${behind.name}, of which the policy hides a part.`);
  }
  if (!STORED.has(relation.kind) && (grant.where !== undefined || (grant.select !== undefined && !isWhole(grant)))) {
    return grantUnusable(
      name,
      'It is not a table: writing it can be granted only where it is granted whole, without masks and row filter.',
    );
  }
  if (grant.where === undefined) return undefined;
  if (write.command === 'CopyIn') return statementRefused('COPY FROM into a relation with a row filter', 'Use INSERT.');
  if (write.where?.CurrentOfExpr !== undefined) {
    return statementRefused('WHERE CURRENT OF on a relation with a row filter', 'Name the row by its key.');
  }
  const makes = write.inserts.length > 0 || write.updates.length > 0;
  if (write.command === 'Merge' && makes && context.catalog.serverMajor < 17) {
    return statementRefused(
      'MERGE into a relation with a row filter',
      'Use INSERT ... ON CONFLICT, or UPDATE and INSERT: this server checks no rows of MERGE.',
    );
  }
  return undefined;
};

/** Readable whole and as it is, whatever rows. */
export const isClear = ({ select }: RelationGrant): boolean => select?.columns === '*' && select.masks.length === 0;

/** ON CONFLICT finds a row by the values of columns, as a WHERE would: they have to be readable as they are. */
const checkConflict = ({ conflict, reference }: Write, relation: CatalogRelation, grant: RelationGrant): Reason['failure'] | undefined => {
  if (conflict === undefined || isClear(grant)) return undefined;
  const name = `${relation.schema}.${relation.name}`;
  const { columns, masks } = grant.select ?? { columns: [], masks: [] };
  const masked = new Set(masks.map(({ column }) => column));
  const isReadable = (column: string): boolean => !masked.has(column) && (columns === '*' || columns.includes(column));
  const hidden = conflict.columns.find((column) => !isReadable(column));
  if (hidden !== undefined) return columnRefused(hidden, name, relation.columns.map((column) => column.name).filter(isReadable));
  if (conflict.constraint === undefined || conflict.action === 'Nothing') return undefined;
  return notUnderstood(`ON CONFLICT ON CONSTRAINT of "${displayed(reference)}", of which the policy hides a part,`);
};

export const checkWrite = (write: Write, context: DecisionContext): WriteVerdict => {
  const { catalog, grants } = context;
  const { reference } = write;
  const name = displayed(reference);
  const reasonOf = (failure: Reason['failure'], location = reference.location): Reason => ({ failure, location, auditable: false });
  const refuse = (failure: Reason['failure']): WriteVerdict => ({ target: undefined, reasons: [reasonOf(failure)] });
  if (reference.database !== undefined && reference.database !== catalog.database) {
    return refuse(notUnderstood(`a reference to database "${reference.database}"`));
  }
  const relation = resolveRelation(reference, catalog, context.state.searchPath);
  if (relation === undefined) return refuse(relationUnknown(name));
  const shadowing = shadowingFailure(relation, catalog);
  if (shadowing !== undefined) return refuse(shadowing);
  const key = relationKey(relation.schema, relation.name);
  const conflict = grants.conflicts.get(key);
  if (conflict !== undefined) {
    return refuse(grantUnusable(name, `More than one policy grants it, and which of them holds would be a guess: ${conflict.join(', ')}.`));
  }
  const granted = grants.relations.get(key);
  const verbs = verbsOf(write);
  // MERGE that does nothing still finds rows.
  const missing = (verbs.length === 0 ? (['update'] as const) : verbs).filter(
    (verb) => granted === undefined || !isGranted(verb, granted.grant),
  );
  if (granted === undefined || missing.length > 0) {
    return { target: undefined, reasons: missing.map((verb) => reasonOf(writeRefused(verb, name, grantedFor(verb, grants)))) };
  }
  const { grant } = granted;
  const unreadable = narrowingProblem(relation, granted, context);
  if (unreadable !== undefined) return refuse(grantUnusable(name, unreadable));
  const reasons: Reason[] = [];
  // Whether a row is found is told by what is done about it, whatever the condition says.
  if (write.command === 'Merge' && grant.select === undefined) reasons.push(reasonOf(relationRefused(name, readableRelations(grants))));
  const columnsFor = (verb: 'insert' | 'update'): ColumnList => grant[verb]?.columns ?? [];
  const refuseColumn = (verb: 'insert' | 'update', column: string, location?: number): void => {
    const list = columnsFor(verb);
    reasons.push(reasonOf(columnWriteRefused(verb, column, name, list === '*' ? ['*'] : list), location));
  };
  for (const given of write.inserts)
    for (const column of lacking(givenColumns(given, relation), columnsFor('insert'))) refuseColumn('insert', column);
  for (const { column, location } of write.updates) {
    if (lacking([column], columnsFor('update')).length > 0) refuseColumn('update', column, location);
  }
  const problem = unusable(write, relation, grant, context) ?? checkConflict(write, relation, grant);
  if (problem !== undefined) reasons.push(reasonOf(problem));
  return { target: reasons.length === 0 ? { write, relation, granted } : undefined, reasons };
};

/** Locking a row keeps others from writing it, so it takes a grant for update, as PostgreSQL has it. */
export const checkLocks = (
  locks: readonly Lock[],
  relations: readonly ResolvedRelation[],
  { grants }: DecisionContext,
): readonly Reason[] => {
  const locked = new Set(locks.flatMap(({ references }) => references));
  return relations.flatMap(({ reference, access }): readonly Reason[] => {
    if (!locked.has(reference) || (access.type === 'Granted' && access.granted.grant.update !== undefined)) return [];
    const failure = writeRefused('lock', displayed(reference), grantedFor('update', grants));
    return [{ failure, location: reference.location, auditable: false }];
  });
};
