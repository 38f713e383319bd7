/**
 * For a refusal: the least that a policy would have to say for the statement to be allowed. Pure.
 */
import { type Catalog, type CatalogFunction, type CatalogRelation, reachesAny, relationKey } from '../proxy/catalog/catalog.ts';
import { readyExtension } from '../proxy/catalog/builtin/extensions.ts';
import { functionClass, refusedFunctionDetail } from '../proxy/catalog/builtin/functions.ts';
import type { ExplainedStatement } from '../proxy/judge/explain-text.ts';
import type { Grants } from '../proxy/policy/grants.ts';
import type { ColumnUse, RelationReference } from '../proxy/sql/analysis.ts';

/** Columns for INSERT and UPDATE with those that are granted already; undefined where the statement does not need it. */
export type MissingWrites = {
  readonly insert: readonly string[] | undefined;
  readonly update: readonly string[] | undefined;
  readonly delete: boolean;
};

/** What is missing in a policy. `columns` in the relation's order, with those that are granted already. */
export type MissingGrant =
  | {
      readonly type: 'Relation';
      readonly schema: string;
      readonly name: string;
      readonly columns: readonly string[];
      /** Undefined where nothing is missing for writing. */
      readonly writes: MissingWrites | undefined;
      /** The policy that grants the relation without these columns; undefined where none grants it. */
      readonly policy: string | undefined;
      /** What its author should know before granting it. */
      readonly caution: string | undefined;
    }
  | { readonly type: 'Function'; readonly schema: string; readonly name: string; readonly caution: string | undefined }
  | { readonly type: 'Extension'; readonly name: string };

type GrantContext = { readonly catalog: Catalog; readonly grants: Grants; readonly searchPath: readonly string[] };

type Named = { readonly reference: RelationReference; readonly relation: CatalogRelation };

const isSystem = (schema: string): boolean => schema === 'pg_catalog' || schema === 'information_schema';

const relationNamed = ({ schema, name }: RelationReference, { catalog, searchPath }: GrantContext): CatalogRelation | undefined => {
  const schemas = schema !== undefined ? [schema] : searchPath.includes('pg_catalog') ? searchPath : ['pg_catalog', ...searchPath];
  for (const each of schemas) {
    const found = catalog.relations.get(relationKey(each, name));
    if (found !== undefined) return found;
  }
  return undefined;
};

/** The relations that a column's name can be of: those of the innermost query that has it. */
const owners = (use: ColumnUse, named: readonly Named[]): readonly Named[] => {
  const field = use.fields.at(-1);
  const qualifier = use.star ? field : use.fields.at(-2);
  for (let level: ColumnUse['level'] | undefined = use.level; level !== undefined; level = level.parent) {
    const items = level.items.filter((item) => qualifier === undefined || item.name === qualifier);
    const here = named.filter(({ reference }) => items.some((item) => item.reference === reference));
    const having = here.filter(
      ({ relation, reference }) =>
        use.star ||
        relation.columns.some((column) => column.name === field) ||
        // `SELECT t FROM t`: the row.
        field === (reference.alias ?? reference.name),
    );
    if (having.length > 0) return having;
  }
  return [];
};

const usedOf = (use: ColumnUse, relation: CatalogRelation): readonly string[] => {
  const all = relation.columns.map((column) => column.name);
  const field = use.fields.at(-1) ?? '';
  return use.star || !all.includes(field) ? all : [field];
};

/** Names in USING, which are no column references of their own, and what NATURAL joins by. */
const joinedBy = (node: unknown, named: readonly Named[]): ReadonlySet<string> => {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) return value.forEach(visit);
    const { usingClause, isNatural } = value as { readonly usingClause?: readonly { String?: { sval?: string } }[]; isNatural?: boolean };
    for (const each of usingClause ?? []) names.add(each.String?.sval ?? '');
    if (isNatural === true) {
      const all = named.flatMap(({ relation }) => relation.columns.map((column) => column.name));
      for (const [index, name] of all.entries()) if (all.indexOf(name) !== index) names.add(name);
    }
    Object.values(value).forEach(visit);
  };
  visit(node);
  return names;
};

const columnsNeeded = (statement: ExplainedStatement, relation: CatalogRelation, named: readonly Named[]): ReadonlySet<string> => {
  const { analysis, parsed } = statement;
  const needed = new Set<string>();
  for (const use of analysis.columns) {
    if (owners(use, named).some((owner) => owner.relation === relation)) for (const column of usedOf(use, relation)) needed.add(column);
  }
  const all = relation.columns.map((column) => column.name);
  const { form } = analysis;
  if (form.type === 'CopyOut' && named.some((each) => each.reference === form.relation && each.relation === relation)) {
    for (const column of form.columns ?? all) needed.add(column);
  }
  const joined = joinedBy(parsed.node, named);
  for (const column of all) if (joined.has(column)) needed.add(column);
  return needed;
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

const relationGrant = (relation: CatalogRelation, needed: ReadonlySet<string>, context: GrantContext): MissingGrant | undefined => {
  // PostgreSQL's own are open as far as they hold names only; more is nothing to suggest.
  if (isSystem(relation.schema)) return undefined;
  const granted = context.grants.relations.get(relationKey(relation.schema, relation.name));
  const select = granted?.grant.select;
  const masked = new Set(select?.masks.map((entry) => entry.column));
  const before = select === undefined || select.columns === '*' ? [] : select.columns;
  const named = relation.columns
    .map((column) => column.name)
    .filter((name) => !masked.has(name) && (before.includes(name) || needed.has(name)));
  return {
    type: 'Relation',
    schema: relation.schema,
    name: relation.name,
    columns: named.length === 0 ? leastOf(relation) : named,
    writes: undefined,
    policy: granted?.policy,
    caution: cautionOf(relation, context),
  };
};

/** What a relation lacks for the writes of a statement, and for the locks that it takes. */
const writeGrant = ({ analysis }: ExplainedStatement, { reference, relation }: Named, context: GrantContext): MissingGrant | undefined => {
  if (isSystem(relation.schema)) return undefined;
  const granted = context.grants.relations.get(relationKey(relation.schema, relation.name));
  const all = relation.columns.map((column) => column.name);
  const write = analysis.writes.find((each) => each.reference === reference);
  const given = write?.inserts.flatMap((each) => (each.type === 'Named' ? each.columns : all.slice(0, each.count)));
  const set = write?.updates.map(({ column }) => column) ?? [];
  const isLocked = analysis.locks.some(({ references }) => references.includes(reference));
  const together = (right: 'insert' | 'update', more: readonly string[]): readonly string[] => {
    const before = granted?.grant[right]?.columns ?? [];
    return before === '*' ? ['*'] : all.filter((name) => before.includes(name) || more.includes(name));
  };
  const needsUpdate = set.length > 0 || isLocked;
  return {
    type: 'Relation',
    schema: relation.schema,
    name: relation.name,
    columns: [],
    writes: {
      insert: write === undefined || write.inserts.length === 0 ? undefined : together('insert', given ?? []),
      update: needsUpdate ? together('update', set.length > 0 ? set : leastOf(relation)) : undefined,
      delete: write?.deletes === true,
    },
    policy: granted?.policy,
    caution: cautionOf(relation, context),
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

/** What is missing for the statements to be allowed, as far as a grant can mend it. */
export const missingGrants = (statements: readonly ExplainedStatement[], context: GrantContext): readonly MissingGrant[] => {
  const missing = new Map<string, MissingGrant>();
  const add = (grant: MissingGrant): void => {
    const key = grant.type === 'Extension' ? `x ${grant.name}` : `${grant.type} ${grant.schema}.${grant.name}`;
    const known = missing.get(key);
    if (known?.type !== 'Relation' || grant.type !== 'Relation') return void missing.set(key, grant);
    const both = new Set([...known.columns, ...grant.columns]);
    const all = context.catalog.relations.get(relationKey(grant.schema, grant.name))?.columns ?? [];
    const columns = all.map((column) => column.name).filter((name) => both.has(name));
    missing.set(key, { ...grant, columns, writes: grant.writes ?? known.writes });
  };
  for (const statement of statements) {
    const { analysis, reasons } = statement;
    const references = [...analysis.relations, ...analysis.writes.map(({ reference }) => reference)];
    const named = references.flatMap((reference) => {
      const relation = relationNamed(reference, context);
      return relation === undefined ? [] : [{ reference, relation }];
    });
    for (const { failure, location } of reasons) {
      const { code, message } = failure.fields;
      if (code === 'function-refused') {
        const use = analysis.functions.find((each) => each.location === location);
        if (use !== undefined) functionGrant(use, context).forEach(add);
      }
      const refused =
        code === 'relation-refused'
          ? named.filter(({ reference }) => reference.location === location)
          : code === 'column-refused'
            ? named.filter(({ relation }) => message.endsWith(`of relation "${relation.schema}.${relation.name}"`))
            : [];
      if (code === 'write-refused' || code === 'column-write-refused') {
        const isMeant = ({ reference }: Named): boolean =>
          reference.location === location ||
          analysis.writes.some((each) => each.reference === reference && each.updates.some((set) => set.location === location));
        for (const each of named.filter(isMeant)) {
          const grant = writeGrant(statement, each, context);
          if (grant !== undefined) add(grant);
        }
      }
      for (const { relation } of refused) {
        const grant = relationGrant(relation, columnsNeeded(statement, relation, named), context);
        if (grant !== undefined) add(grant);
      }
    }
  }
  return [...missing.values()];
};
