/**
 * For a refusal: the least that a policy would have to say for the statement to be allowed. Pure.
 */
import type { RelationGrant } from '../kernel/policy.ts';
import { type Catalog, type CatalogFunction, type CatalogRelation, reachesAny, relationKey } from '../proxy/catalog/catalog.ts';
import { readyExtension } from '../proxy/catalog/builtin/extensions.ts';
import { functionClass, refusedFunctionDetail } from '../proxy/catalog/builtin/functions.ts';
import type { ExplainedReason, ExplainedStatement } from '../proxy/judge/explain-text.ts';
import { givenColumns } from '../proxy/policy/checks/writes.ts';
import type { Grants } from '../proxy/policy/grants.ts';
import type { RelationReference, Write } from '../proxy/sql/analysis.ts';
import { type MissingRule, missingRule } from './explain-rule.ts';
import { columnsNeeded, type Named } from './explain-columns.ts';

/** What is missing in a policy. Columns in the relation's order, with those that are granted already. */
export type MissingGrant =
  | {
      readonly type: 'Relation';
      readonly schema: string;
      readonly name: string;
      /** Undefined: what is granted for it is enough. */
      readonly select: readonly string[] | undefined;
      readonly insert: readonly string[] | undefined;
      readonly update: readonly string[] | undefined;
      readonly delete: boolean;
      /** The policy that grants the relation without this; undefined where none grants it. */
      readonly policy: string | undefined;
      /** What its author should know before granting it. */
      readonly caution: string | undefined;
    }
  | { readonly type: 'Function'; readonly schema: string; readonly name: string; readonly caution: string | undefined }
  | { readonly type: 'Extension'; readonly name: string }
  | MissingRule;

type GrantContext = { readonly catalog: Catalog; readonly grants: Grants; readonly searchPath: readonly string[] };

const isSystem = (schema: string): boolean => schema === 'pg_catalog' || schema === 'information_schema';

const relationNamed = ({ schema, name }: RelationReference, { catalog, searchPath }: GrantContext): CatalogRelation | undefined => {
  const schemas = schema !== undefined ? [schema] : searchPath.includes('pg_catalog') ? searchPath : ['pg_catalog', ...searchPath];
  for (const each of schemas) {
    const found = catalog.relations.get(relationKey(each, name));
    if (found !== undefined) return found;
  }
  return undefined;
};

/** A grant names one column at least: `SELECT count(*)` needs no particular one. */
const leastOf = (relation: CatalogRelation): readonly string[] => [relation.primaryKey[0] ?? relation.columns[0]?.name ?? ''];

const isHidden = (grants: Grants, key: string): boolean => {
  const grant = grants.relations.get(key)?.grant;
  return grant !== undefined && (grant.where !== undefined || (grant.select?.masks.length ?? 0) > 0);
};

const cautionOf = (relation: CatalogRelation, { catalog, grants }: GrantContext): string | undefined => {
  const hidden = [...catalog.relations]
    .filter(
      ([key, other]) => other.oid !== relation.oid && isHidden(grants, key) && reachesAny(catalog, relation.oid, new Set([other.oid])),
    )
    .map(([, other]) => `${other.schema}.${other.name}`);
  return hidden.length === 0 ? undefined : `shows ${hidden.join(', ')}, which is masked or filtered: mask and filter it here too`;
};

type MissingRelation = Extract<MissingGrant, { readonly type: 'Relation' }>;

/** What a statement needs of a relation, beyond what is granted or not. */
type Needed = Partial<Record<'select' | 'insert' | 'update', ReadonlySet<string>>> & { readonly delete?: boolean };

const relationGrant = (relation: CatalogRelation, needed: Needed, context: GrantContext): MissingGrant | undefined => {
  // PostgreSQL's own are open as far as they hold names only; more is nothing to suggest.
  if (isSystem(relation.schema)) return undefined;
  const granted = context.grants.relations.get(relationKey(relation.schema, relation.name));
  const masked = new Set(granted?.grant.select?.masks.map((entry) => entry.column));
  const listed = (operation: 'select' | 'insert' | 'update'): readonly string[] | undefined => {
    const before = granted?.grant[operation]?.columns ?? [];
    const more = needed[operation];
    if (more === undefined || before === '*') return undefined;
    const isHidden = (name: string): boolean => operation === 'select' && masked.has(name);
    const names = relation.columns.map((column) => column.name).filter((name) => before.includes(name) || more.has(name));
    const open = names.filter((name) => !isHidden(name));
    return open.length === 0 ? leastOf(relation) : open;
  };
  return {
    type: 'Relation',
    schema: relation.schema,
    name: relation.name,
    select: listed('select'),
    insert: listed('insert'),
    update: listed('update'),
    delete: needed.delete === true && granted?.grant.delete !== true,
    policy: granted?.policy,
    caution: cautionOf(relation, context),
  };
};

/** What all that a statement does to a relation needs: the verbs that are refused are a part of it. */
const neededToWrite = (relation: CatalogRelation, writes: readonly Write[], grant: RelationGrant | undefined): Needed => {
  const inserts = writes.flatMap((write) => write.inserts.flatMap((given) => givenColumns(given, relation)));
  const updates = writes.flatMap((write) => write.updates.map(({ column }) => column));
  const lacks = (verb: 'insert' | 'update', columns: readonly string[]): boolean => {
    const granted = grant?.[verb]?.columns;
    return granted === undefined || (granted !== '*' && columns.some((column) => !granted.includes(column)));
  };
  // MERGE that does nothing needs `update` all the same.
  const changes = (write: Write): boolean => write.updates.length > 0 || (write.inserts.length === 0 && !write.deletes);
  return {
    ...(writes.some((write) => write.inserts.length > 0) && lacks('insert', inserts) ? { insert: new Set(inserts) } : {}),
    ...(writes.some(changes) && lacks('update', updates) ? { update: new Set(updates) } : {}),
    delete: writes.some((write) => write.deletes),
  };
};

const functionGrant = (use: { readonly schema: string | undefined; readonly name: string }, context: GrantContext): MissingGrant[] => {
  const { catalog, searchPath, grants } = context;
  const found = catalog.functions.get(use.name) ?? [];
  const own = (schema: string): readonly CatalogFunction[] => found.filter((candidate) => candidate.schema === schema);
  const builtin = use.schema === 'pg_catalog' || (use.schema === undefined && catalog.builtinFunctions.has(use.name));
  if (builtin) {
    if (!catalog.builtinFunctions.has(use.name)) return [];
    const known = functionClass('pg_catalog', use.name);
    if (known === undefined || known === 'harmless' || known === 'judged' || known === 'internal') return [];
    const caution = `${refusedFunctionDetail(known)} It would be allowed with any arguments.`;
    return [{ type: 'Function', schema: 'pg_catalog', name: use.name, caution }];
  }
  const schema = use.schema ?? searchPath.find((each) => own(each).length > 0);
  const candidate = schema === undefined ? undefined : own(schema)[0];
  if (candidate === undefined || isSystem(candidate.schema) || grants.functions.has(relationKey(candidate.schema, candidate.name)))
    return [];
  const ready = candidate.extension === undefined ? undefined : readyExtension(candidate.extension);
  if (candidate.extension !== undefined && ready !== undefined && !ready.refused.includes(candidate.name)) {
    return [{ type: 'Extension', name: candidate.extension }];
  }
  const caution = 'It acts and reads with the rights of the database role, past masks and filters.';
  return [{ type: 'Function', schema: candidate.schema, name: candidate.name, caution }];
};

/** Both, in the relation's order. */
const united = (one: MissingRelation, other: MissingRelation, { columns }: CatalogRelation): MissingRelation => {
  const both = (operation: 'select' | 'insert' | 'update'): readonly string[] | undefined => {
    if (one[operation] === undefined) return other[operation];
    const names = new Set([...one[operation], ...(other[operation] ?? [])]);
    return columns.map((column) => column.name).filter((name) => names.has(name));
  };
  return { ...other, select: both('select'), insert: both('insert'), update: both('update'), delete: one.delete || other.delete };
};

const READ_CODES = new Set(['column-refused', 'whole-row-refused']);

/** What one reason of a statement asks for. */
const grantsFor = (statement: ExplainedStatement, reason: ExplainedReason, context: GrantContext): readonly MissingGrant[] => {
  const { analysis } = statement;
  const { code, message } = reason.failure.fields;
  if (code === 'function-refused') {
    const use = analysis.functions.find((each) => each.location === reason.location);
    return use === undefined ? [] : functionGrant(use, context);
  }
  if (code === 'definition-unopened') return missingRule(statement);
  const resolve = (reference: RelationReference): readonly Named[] => {
    const relation = relationNamed(reference, context);
    return relation === undefined ? [] : [{ reference, relation }];
  };
  const read = analysis.relations.flatMap(resolve);
  const written = analysis.writes.flatMap(({ reference }) => resolve(reference));
  const named = [...read, ...written];
  const here = ({ reference }: Named): boolean => reference.location === reason.location;
  const grantsOf = (relations: readonly Named[], needed: (relation: CatalogRelation) => Needed): readonly MissingGrant[] =>
    relations.flatMap(({ relation }) => relationGrant(relation, needed(relation), context) ?? []);
  const toRead = (relation: CatalogRelation): Needed => ({ select: columnsNeeded(statement, relation, named) });
  if (code === 'relation-refused') return grantsOf(named.filter(here), toRead);
  if (READ_CODES.has(code)) {
    return grantsOf(
      named.filter(({ relation }) => message.endsWith(`of relation "${relation.schema}.${relation.name}"`)),
      toRead,
    );
  }
  if (code === 'write-refused' || code === 'column-write-refused') {
    const locked = code === 'write-refused' ? read.filter(here) : [];
    // An assigned column's reason stands at the column.
    const targets = written.filter((each) => here(each) || code === 'column-write-refused');
    const writesTo = (relation: CatalogRelation): readonly Write[] =>
      analysis.writes.filter(({ reference }) => relationNamed(reference, context) === relation);
    const grantOf = ({ schema, name }: CatalogRelation): RelationGrant | undefined =>
      context.grants.relations.get(relationKey(schema, name))?.grant;
    return [
      ...grantsOf(locked, (relation) => ({ update: new Set(leastOf(relation)) })),
      ...grantsOf(targets, (relation) => neededToWrite(relation, writesTo(relation), grantOf(relation))),
    ];
  }
  return [];
};

/** What two of them are about the same thing by. */
export const keyOf = (grant: MissingGrant): string => {
  switch (grant.type) {
    case 'Relation':
    case 'Function':
      return `${grant.type} ${grant.schema}.${grant.name}`;
    case 'Extension':
      return `${grant.type} ${grant.name}`;
    case 'Rule':
      return `${grant.type} ${JSON.stringify(grant)}`;
  }
};

/** What is missing for the statements to be allowed, as far as a grant can mend it. */
export const missingGrants = (statements: readonly ExplainedStatement[], context: GrantContext): readonly MissingGrant[] => {
  const missing = new Map<string, MissingGrant>();
  for (const statement of statements) {
    for (const grant of statement.reasons.flatMap((reason) => grantsFor(statement, reason, context))) {
      const key = keyOf(grant);
      const known = missing.get(key);
      const relation = grant.type === 'Relation' ? context.catalog.relations.get(relationKey(grant.schema, grant.name)) : undefined;
      const both = known?.type === 'Relation' && grant.type === 'Relation' && relation !== undefined;
      missing.set(key, both ? united(known, grant, relation) : grant);
    }
  }
  return [...missing.values()].filter((grant) => grant.type !== 'Relation' || says(grant));
};

const says = (grant: MissingRelation): boolean =>
  grant.select !== undefined || grant.insert !== undefined || grant.update !== undefined || grant.delete;
