/**
 * Objects that a definition makes, changes or drops: what they are, and whether that could show more than the grants do.
 * INVARIANT: no definition widens what is read. What the policy hides, whole or in part, keeps its name, columns and place, and no
 * definition looks at its rows: neither what it answers nor whether it fails may depend on them.
 */
import { relationUnknown } from '../../../kernel/failure.ts';
import { definitionRefused } from '../../../kernel/policy-failure.ts';
import { TEMPORARY_SCHEMA } from '../../../kernel/policy.ts';
import { type Catalog, type CatalogRelation, reachesAny, relationKey } from '../../catalog/catalog.ts';
import type { Analysis } from '../../sql/analysis.ts';
import type { DefinedObject, Definition, ObjectUse } from '../../sql/definition.ts';
import type { DecisionContext, Reason, ResolvedRelation, ResolvedUse } from '../decision.ts';
import type { Grants } from '../grants.ts';
import { namedTypes } from './casts.ts';
import { revocableCall } from './functions.ts';
import { namesTemporary } from '../temporary-grants.ts';
import { hiddenInPart, isWhole, resolveRelation } from './relations.ts';
import { temporaryProblem } from './temporary.ts';

export type DefinitionVerdict = { readonly reasons: readonly Reason[]; readonly uses: readonly ResolvedUse[] };

/** How much of a relation this agent may see anyway. */
type Standing = 'Own' | 'Whole' | 'Ungranted' | 'Hidden' | 'System';

const SYSTEM = /^(pg_.*|information_schema)$/;

const standingOf = (relation: CatalogRelation, { grants, catalog }: DecisionContext): Standing => {
  if (relation.schema === TEMPORARY_SCHEMA) return 'Own';
  if (SYSTEM.test(relation.schema)) return 'System';
  const key = relationKey(relation.schema, relation.name);
  const granted = grants.relations.get(key);
  if (relation.own === true) return 'Own';
  if (grants.conflicts.has(key) || (granted !== undefined && !isWhole(granted.grant))) return 'Hidden';
  // INVARIANT: what shows rows of a hidden relation is as hidden: its views, parents and partitions.
  if (
    reachesAny(
      catalog,
      relation.oid,
      hiddenInPart(grants, catalog, (grant) => !isWhole(grant)),
    )
  )
    return 'Hidden';
  return granted === undefined ? 'Ungranted' : 'Whole';
};

const OBJECTS: Readonly<Record<string, Exclude<DefinedObject, 'Relation'>>> = {
  r: 'Table',
  p: 'Table',
  f: 'Table',
  v: 'View',
  m: 'MaterializedView',
  S: 'Sequence',
};

/** Where an unqualified name is made: the first schema of the path that is there. */
const creationSchema = ({ catalog, state }: DecisionContext): string | undefined =>
  state.searchPath.find((schema) => catalog.schemas.has(schema));

const findIndex = ({ name }: ObjectUse, { catalog, state }: DecisionContext): { schema: string; oid: number } | undefined => {
  for (const schema of name.schema === undefined ? [TEMPORARY_SCHEMA, ...state.searchPath] : [name.schema]) {
    const oid = catalog.indexes.get(relationKey(schema, name.name));
    if (oid !== undefined) return { schema, oid };
  }
  return undefined;
};

const findType = ({ name }: ObjectUse, { catalog, state }: DecisionContext): string | undefined => {
  const schemas = (catalog.userTypes.get(name.name) ?? []).map(({ schema }) => schema);
  return (name.schema === undefined ? state.searchPath : [name.schema]).find((schema) => schemas.includes(schema));
};

/** Relations that show rows of this one, and fall with it. */
const dependentsOf = (relation: CatalogRelation, catalog: Catalog): readonly CatalogRelation[] =>
  [...catalog.relations.values()].filter((other) => other.oid !== relation.oid && reachesAny(catalog, other.oid, new Set([relation.oid])));

const resolveUse = (use: ObjectUse, definition: Definition, context: DecisionContext): ResolvedUse | undefined => {
  const { catalog } = context;
  const { name } = use.name;
  const made = creationSchema(context);
  const base = { use, dependents: [] };
  if (use.object === 'Schema')
    return { ...base, object: 'Schema', schema: name, name, relation: undefined, exists: catalog.schemas.has(name) };
  if (use.object === 'Type') {
    const schema = use.act === 'Make' ? (use.name.schema ?? made) : findType(use, context);
    return schema === undefined ? undefined : { ...base, object: 'Type', schema, name, relation: undefined, exists: use.act !== 'Make' };
  }
  if (use.act === 'Make' || use.act === 'Replace') {
    const schema = use.name.schema ?? made;
    if (schema === undefined || use.object === 'Relation') return undefined;
    const key = relationKey(schema, name);
    const relation = catalog.relations.get(key);
    return { ...base, object: use.object, schema, name, relation, exists: relation !== undefined || catalog.indexes.has(key) };
  }
  // CREATE INDEX names its table.
  const isNewIndex = use.object === 'Index' && definition.verb === 'Create';
  const relation = use.object === 'Index' && !isNewIndex ? undefined : resolveRelation(use.name, catalog, context.state.searchPath);
  if (relation !== undefined) {
    const object = isNewIndex ? 'Index' : (OBJECTS[relation.kind] ?? 'Table');
    const dependents = use.cascade && use.act !== 'Refer' ? dependentsOf(relation, catalog) : [];
    return { ...base, object, schema: relation.schema, name: relation.name, relation, exists: true, dependents };
  }
  if (isNewIndex) return undefined;
  const index = findIndex(use, context);
  const table = index === undefined ? undefined : catalog.relationsByOid.get(index.oid);
  return index === undefined || table === undefined
    ? undefined
    : { ...base, object: 'Index', schema: index.schema, name, relation: table, exists: true };
};

/** A foreign key of a table that is being made to that table itself. */
const selfReference = (use: ObjectUse, [made]: readonly ResolvedUse[], context: DecisionContext): ResolvedUse | undefined => {
  if (use.act !== 'Refer' || made === undefined || made.use.act !== 'Make' || made.exists || made.name !== use.name.name) return undefined;
  if (made.schema !== (use.name.schema ?? creationSchema(context))) return undefined;
  return { use, dependents: [], object: 'Table', schema: made.schema, name: made.name, relation: undefined, exists: true };
};

const WHOLE_HINT =
  'Grant the relation whole in the policy (select.columns "*", no masks, no where), or leave this to the owner of the database.';

/** Why the act could show what is hidden; undefined where it cannot. */
const problemOf = (
  resolved: ResolvedUse,
  definition: Definition,
  context: DecisionContext,
): readonly [detail: string, hint: string] | undefined => {
  const { use, object, relation, exists, schema, dependents } = resolved;
  if (schema === TEMPORARY_SCHEMA && object !== 'Schema') return temporaryProblem(resolved, definition, context);
  if (SYSTEM.test(schema) && !(use.act === 'Make' && object === 'Schema'))
    return [`Schema ${schema} is PostgreSQL's own.`, 'Use another schema.'];
  if (use.act === 'Make') return exists && !use.missingOk ? undefined : madeProblem(resolved, context);
  if (use.act === 'Replace' && !exists) return madeProblem(resolved, context);
  if (object === 'Type' && (use.act === 'Examine' || use.act === 'Move')) return typeProblem(resolved, context);
  if (relation === undefined) return undefined;
  const standing = standingOf(relation, context);
  if (use.act === 'Refer') return referProblem(resolved, standing, context);
  if (use.act === 'Describe' || use.act === 'Maintain') return undefined;
  if (standing === 'Hidden')
    return ['The policy hides a part of it, or of what it shows: as it is defined now, that stays hidden.', WHOLE_HINT];
  const hidden = dependents.find((other) => standingOf(other, context) === 'Hidden');
  if (hidden !== undefined)
    return [`CASCADE would drop ${hidden.schema}.${hidden.name}, of which the policy hides a part.`, 'Leave CASCADE out.'];
  if (use.cascade && [relation, ...dependents].some(({ oid }) => context.catalog.ties.has(oid)))
    return ['CASCADE would drop policies, functions or columns elsewhere.', 'Leave CASCADE out.'];
  if (use.act === 'Extend' || use.act === 'Drop') return undefined;
  if (standing === 'Own' || standing === 'Whole') return use.act === 'Empty' ? emptyProblem(relation, standing, context) : undefined;
  // Sequences and indexes have no rows to show.
  if (use.act === 'Move' && object !== 'Table' && object !== 'View' && object !== 'MaterializedView') return undefined;
  return ['It is not granted to this agent, and this would look at its rows or give it another name.', WHOLE_HINT];
};

const madeProblem = (
  { object, schema, name }: ResolvedUse,
  { grants, catalog }: DecisionContext,
): readonly [string, string] | undefined => {
  if (object === 'Schema') return SYSTEM.test(name) ? ['The prefix pg_ is for PostgreSQL.', 'Use another name.'] : undefined;
  if (!catalog.schemas.has(schema)) return [`There is no schema ${schema}.`, 'Create the schema first.'];
  if (object === 'Type' || object === 'Sequence') return undefined;
  const key = relationKey(schema, name);
  return grants.conflicts.has(key) ? ['More than one policy grants this name.', 'Use another name.'] : undefined;
};

/** Filters and masks compare with the labels and types that they name. */
const typeProblem = ({ schema, name }: ResolvedUse, context: DecisionContext): readonly [string, string] | undefined => {
  const { columnTypes, relationsByOid } = context.catalog;
  for (const [oid, types] of columnTypes) {
    const relation = relationsByOid.get(oid);
    if (relation === undefined || !types.includes(`${schema}.${name}`) || standingOf(relation, context) !== 'Hidden') continue;
    return [`Columns of ${relation.schema}.${relation.name} are of this type, of which the policy hides a part.`, WHOLE_HINT];
  }
  return undefined;
};

const emptyProblem = (
  relation: CatalogRelation,
  standing: Standing,
  { grants }: DecisionContext,
): readonly [string, string] | undefined => {
  const granted = grants.relations.get(relationKey(relation.schema, relation.name));
  if (standing === 'Own' || granted?.grant.delete === true) return undefined;
  return ['Deleting its rows is not granted to this agent.', 'The policy has to grant delete on it.'];
};

/** A new column whose type has checks of its own fails where there are rows. */
const domainProblem = (
  resolved: ResolvedUse,
  { verb }: Definition,
  { types }: Analysis,
  context: DecisionContext,
): readonly [string, string] | undefined => {
  if (verb !== 'Alter' || resolved.use.act !== 'Extend' || resolved.relation === undefined) return undefined;
  if (standingOf(resolved.relation, context) !== 'Ungranted') return undefined;
  const found = types.find((type) => namedTypes(type, context.catalog).length > 0);
  return found && [`It is not granted to this agent, and type ${found.name} may look at its rows.`, WHOLE_HINT];
};

/** A foreign key tells which values there are. */
const referProblem = (
  { use, relation }: ResolvedUse,
  standing: Standing,
  { grants }: DecisionContext,
): readonly [string, string] | undefined => {
  if (relation === undefined || standing === 'Own' || standing === 'Whole') return undefined;
  const granted = grants.relations.get(relationKey(relation.schema, relation.name))?.grant;
  const columns = use.columns ?? relation.primaryKey;
  const seen = granted?.select;
  const isSeen = (column: string): boolean =>
    seen !== undefined && !seen.masks.some((mask) => mask.column === column) && (seen.columns === '*' || seen.columns.includes(column));
  if (granted !== undefined && granted.where === undefined && relation.kind !== 'v' && columns.length > 0 && columns.every(isSeen))
    return undefined;
  return ['A foreign key would tell which values are in columns that this agent cannot read.', WHOLE_HINT];
};

/** A name that is given to what has another one must not be one that the policy speaks of: masks go by name. */
const movedProblem = (resolved: ResolvedUse, definition: Definition, grants: Grants): readonly [string, string] | undefined => {
  const index = definition.uses.indexOf(resolved.use);
  const effect = definition.effects.find((each) => (each.type === 'Rename' || each.type === 'SetSchema') && each.use === index);
  if (effect === undefined || (effect.type !== 'Rename' && effect.type !== 'SetSchema')) return undefined;
  const key = effect.type === 'Rename' ? relationKey(resolved.schema, effect.to) : relationKey(effect.to, resolved.name);
  const granted = grants.relations.get(key);
  const isOpen = granted === undefined || (isWhole(granted.grant) && resolved.relation?.own === true);
  return isOpen && !grants.conflicts.has(key)
    ? undefined
    : ['The policy grants the new name, and means another relation by it.', 'Use another name.'];
};

/** Row types of relations tell their columns, and tie them to what is made. */
const rowTypeProblem = (analysis: Analysis, context: DecisionContext): string | undefined => {
  for (const { schema, name } of analysis.types) {
    const relation = resolveRelation({ schema, name: name.replace(/^_/, '') }, context.catalog, context.state.searchPath);
    const isSystem = relation !== undefined && relation.schema !== TEMPORARY_SCHEMA && SYSTEM.test(relation.schema);
    if (relation !== undefined && schema !== 'pg_catalog' && !isSystem) return `${relation.schema}.${relation.name}`;
  }
  return undefined;
};

/** What a view keeps is read under its name for ever: it must not hold a mask or a filter of today's policy. */
const keptProblem = (relations: readonly ResolvedRelation[], context: DecisionContext): string | undefined => {
  const found = relations.find(({ relation }) => {
    const standing = standingOf(relation, context);
    return standing !== 'Whole' && standing !== 'Own';
  });
  return found && `${found.relation.schema}.${found.relation.name}`;
};

/** What is temporary lasts for the session, the rest for the transaction until all see it. */
const isMixed = (uses: readonly ResolvedUse[]): boolean => {
  const acted = uses.filter(({ use }) => use.act !== 'Refer');
  const brief = acted.filter(({ schema }) => schema === TEMPORARY_SCHEMA);
  return brief.length > 0 && brief.length < acted.length;
};

const WORDS: Readonly<Record<ObjectUse['act'], string>> = {
  Make: 'create',
  Replace: 'replace',
  Move: 'rename or move',
  Examine: 'alter',
  Extend: 'alter',
  Drop: 'drop',
  Empty: 'truncate',
  Refer: 'refer to',
  Maintain: 'maintain',
  Describe: 'comment on',
};

/** Judges the objects of a definition, and the relations that its query reads. */
export const checkDefinition = (
  analysis: Analysis,
  definition: Definition,
  relations: readonly ResolvedRelation[],
  context: DecisionContext,
): DefinitionVerdict => {
  const reasons: Reason[] = [];
  const uses: ResolvedUse[] = [];
  const refuse = (failure: Reason['failure'], location = 0): void => void reasons.push({ failure, location, auditable: false });
  for (const use of definition.uses) {
    const displayed = use.name.schema === undefined ? use.name.name : `${use.name.schema}.${use.name.name}`;
    const resolved = selfReference(use, uses, context) ?? resolveUse(use, definition, context);
    if (resolved === undefined) {
      const isNew = use.act === 'Make' || use.act === 'Replace';
      if (isNew)
        refuse(
          definitionRefused(WORDS[use.act], displayed, 'The search_path names no schema to make it in.', 'Write the schema.'),
          use.location,
        );
      else if (use.missingOk) uses.push(missing(use, definition, context));
      else refuse(relationUnknown(displayed), use.location);
      continue;
    }
    uses.push(resolved);
    const problem =
      problemOf(resolved, definition, context) ??
      domainProblem(resolved, definition, analysis, context) ??
      movedProblem(resolved, definition, context.grants);
    if (problem !== undefined) refuse(definitionRefused(WORDS[use.act], `${resolved.schema}.${resolved.name}`, ...problem), use.location);
  }
  const falling = definition.verb === 'Alter' && definition.uses.some((use) => use.act === 'Refer' && use.cascade);
  for (const { use, relation } of falling ? uses : []) {
    const problem =
      relation === undefined || use.act === 'Refer' ? undefined : emptyProblem(relation, standingOf(relation, context), context);
    if (problem !== undefined && relation !== undefined)
      refuse(definitionRefused(WORDS[use.act], `${relation.schema}.${relation.name}`, ...problem), use.location);
  }
  const rowType = rowTypeProblem(analysis, context);
  if (rowType !== undefined)
    refuse(definitionRefused('use the row type of', rowType, 'It would follow the relation.', 'List the columns that are meant.'));
  if (isMixed(uses))
    refuse(definitionRefused('define', 'pg_temp', 'It is about temporary and other relations.', 'Use a statement for each.'));
  const called =
    uses.some(({ schema }) => schema === TEMPORARY_SCHEMA) && definition.query === 'None'
      ? revocableCall(analysis, context)?.name
      : undefined;
  if (called !== undefined)
    refuse(
      definitionRefused(
        'call',
        called,
        'An expression of a temporary table lasts for the session.',
        'Compute the value when rows are written.',
      ),
    );
  const brief = definition.query === 'Kept' ? relations.find(({ relation }) => relation.schema === TEMPORARY_SCHEMA) : undefined;
  if (brief !== undefined)
    refuse(definitionRefused('define a view on', brief.relation.name, 'It is temporary, and so would be the view.', 'Use its query.'));
  const kept = definition.query === 'Kept' ? keptProblem(relations, context) : undefined;
  if (kept !== undefined) {
    refuse(
      definitionRefused(
        'define a view on',
        kept,
        'It is not granted whole, and the view would keep what the policy says of it today.',
        WHOLE_HINT,
      ),
    );
  }
  return { reasons, uses };
};

/** DROP IF EXISTS of nothing that is there: as well of temporary tables, where these may be dropped. */
const dropsNothing = (definition: Definition, context: DecisionContext): boolean =>
  definition.verb === 'Drop' &&
  context.grants.rules.some(
    ({ rule: { action, match } }) => action === 'Allow' && match.statements?.includes('Drop') && namesTemporary(match),
  ) &&
  definition.uses.every(
    (use) => use.object === 'Table' && use.name.schema === undefined && resolveUse(use, definition, context) === undefined,
  );

/** What is not there, and need not be. */
const missing = (use: ObjectUse, definition: Definition, context: DecisionContext): ResolvedUse => ({
  use,
  object: use.object === 'Relation' ? 'Table' : use.object,
  schema: use.name.schema ?? (dropsNothing(definition, context) ? TEMPORARY_SCHEMA : (creationSchema(context) ?? '')),
  name: use.name.name,
  relation: undefined,
  exists: false,
  dependents: [],
});
