/**
 * What rules are asked about: the parts, relations, functions and columns of one statement, with their names resolved.
 */
import type { QualifiedName } from '../../../kernel/policy.ts';
import { type CatalogRelation, relationKey } from '../../catalog/catalog.ts';
import type { Analysis, ColumnUse, FromItem, FunctionUse, QueryLevel } from '../../sql/analysis.ts';
import { keyValues } from '../../sql/key-condition.ts';
import { rowCondition } from '../../sql/row-condition.ts';
import { type NamedRelation, type StatementPart, statementParts } from '../../sql/statement-parts.ts';
import type { Tree } from '../../sql/tree.ts';
import { typesInReach } from '../checks/casts.ts';
import { resolveRelation } from '../checks/relations.ts';
import type { Decision, DecisionContext, ResolvedRelation } from '../decision.ts';
import { makesRows } from '../makes-rows.ts';

export type PartFacts = {
  readonly kinds: readonly string[];
  /** With what views among them show. */
  readonly targets: readonly CatalogRelation[];
  readonly withoutWhere: boolean;
  readonly withoutKey: boolean;
  readonly fromQuery: boolean;
  readonly upsert: boolean;
};

export type StatementFacts = {
  readonly parts: readonly PartFacts[];
  /** Relations that it reads or changes, also through views. */
  readonly relations: readonly CatalogRelation[];
  /** Kinds of the objects that it makes, changes or drops, as in a rule's `match.objects`, and their schemas. */
  readonly objects: readonly string[];
  readonly schemas: readonly string[];
  readonly calls: (name: QualifiedName) => boolean;
  readonly names: (relation: QualifiedName, column: string) => boolean;
};

/** Longest list of keys that still counts as naming rows by their key. */
const MAX_KEYS = 10;

const targetsOf = (part: StatementPart, context: DecisionContext): readonly CatalogRelation[] =>
  part.targets.flatMap(({ schema, name }) => resolveRelation({ schema, name }, context.catalog, context.state.searchPath) ?? []);

/** The relations, and after them those that views among them show: to write or lock a view is to do so behind it. */
const withShown = (relations: readonly CatalogRelation[], { catalog }: DecisionContext): readonly CatalogRelation[] => {
  const found = new Set(relations);
  // What is added while this goes on is gone through as well.
  for (const { kind, reaches } of found) {
    if (kind !== 'v') continue;
    for (const oid of reaches) {
      const shown = catalog.relationsByOid.get(oid);
      if (shown !== undefined) found.add(shown);
    }
  }
  return [...found];
};

const namesOfTarget = ({ alias, name }: NamedRelation): string => alias ?? name;

const leavesNothingOut = (part: StatementPart, targets: readonly CatalogRelation[]): boolean => {
  if (part.where.type === 'NotAsked') return false;
  if (part.where.type === 'None') return true;
  const names = new Set(part.targets.map(namesOfTarget));
  const notNull = (column: string): boolean =>
    targets.length > 0 && targets.every((target) => target.columns.every((each) => each.name !== column || each.notNull));
  return (
    rowCondition(part.where.tree, { names, joined: part.kinds.includes('Select') || part.kinds.includes('SelectForUpdate'), notNull }) ===
    'All'
  );
};

const isWithoutKey = (part: StatementPart, targets: readonly CatalogRelation[]): boolean => {
  if (part.where.type === 'NotAsked') return false;
  const { where } = part;
  const tree = where.type === 'Condition' ? where.tree : undefined;
  if (targets.length === 0 || targets.length !== part.targets.length || part.joinsQueries) return true;
  if (part.targets.some(({ renamed }) => renamed)) return true;
  return targets.some((target, index) => {
    const named = part.targets[index];
    const names = new Set(named === undefined ? [] : [namesOfTarget(named)]);
    return keyValues(tree, { names, key: target.primaryKey }) > MAX_KEYS;
  });
};

const partFacts = (part: StatementPart, context: DecisionContext): PartFacts => {
  const targets = targetsOf(part, context);
  return {
    kinds: part.kinds,
    targets: withShown(targets, context),
    withoutWhere: leavesNothingOut(part, targets),
    withoutKey: isWithoutKey(part, targets),
    fromQuery: part.fromQuery || part.calls.some((call) => makesRows(call, context.catalog)),
    upsert: part.upsert,
  };
};

/** Reads and writes, as far as they name columns. */
type Named = Pick<ResolvedRelation, 'reference' | 'relation'>;

const namedOf = ({ relations, targets }: Pick<Decision, 'relations' | 'targets'>): readonly Named[] => [
  ...relations,
  ...targets.map(({ write, relation }) => ({ reference: write.reference, relation })),
];

/** Calls by name, as `t.name` and `(value).name`, and by an operator of the database's own. A doubt counts as yes. */
const callsOf =
  (analysis: Analysis, named: readonly Named[], context: DecisionContext) =>
  ({ schema, name }: QualifiedName): boolean => {
    const { catalog, state } = context;
    const isMeant = (use: Pick<FunctionUse, 'schema' | 'name'>): boolean => {
      if (use.name !== name) return false;
      if (use.schema !== undefined) return use.schema === schema;
      return schema === 'pg_catalog' ? catalog.builtinFunctions.has(name) : state.searchPath.includes(schema);
    };
    const unary = (catalog.functions.get(name) ?? []).filter((each) => each.schema === schema && each.unary);
    const takes = { value: unary.length > 0 || schema === 'pg_catalog', row: unary.some(({ takesRow }) => takesRow) };
    const isField = (field: string): boolean => takes.value && isMeant({ schema: undefined, name: field });
    const isCalled = ({ fields, star, level }: ColumnUse): boolean =>
      !star && fields.length > 1 && isField(fields.at(-1)!) && !isColumn(fields, level, (item) => columnsOf(item, named) ?? !takes.row);
    const isBehind = (use: Analysis['operators'][number]): boolean =>
      (catalog.operators.get(use.name) ?? []).some(
        (operator) =>
          (use.schema === undefined || use.schema === operator.schema) &&
          operator.function.schema === schema &&
          operator.function.name === name &&
          operator.operandTypes.every((type) => typesInReach(analysis, named, context).has(type)),
      );
    const { functions, fields, columns, operators } = analysis;
    return functions.some(isMeant) || fields.some((each) => isField(each.name)) || columns.some(isCalled) || operators.some(isBehind);
  };

/** Columns of an item that is a relation. */
const columnsOf = ({ reference }: FromItem, named: readonly Named[]): readonly string[] | undefined =>
  named.find((each) => reference !== undefined && each.reference === reference)?.relation.columns.map(({ name }) => name);

/** Does everything that the qualifier may name have this column? `has`: the columns that it has, or whether it has each. */
const isColumn = (fields: readonly string[], from: QueryLevel, has: (item: FromItem) => readonly string[] | boolean): boolean => {
  const [qualifier, column] = fields.slice(-2);
  let found = false;
  for (let level: QueryLevel | undefined = from; level !== undefined; level = level.parent) {
    for (const item of level.items) {
      if (item.name !== qualifier) continue;
      const known = has(item);
      if (typeof known === 'boolean' ? !known : !known.includes(column!)) return false;
      found = true;
    }
  }
  return found;
};

/** Does a column's use mean this column of this relation, as far as its name tells? A doubt counts as yes. */
const means = (use: ColumnUse, column: string, isOf: (level: QueryLevel, qualifier: string | undefined) => boolean): boolean => {
  const field = use.fields.at(-1);
  const inSight = (qualifier: string | undefined): boolean => {
    for (let level: QueryLevel | undefined = use.level; level !== undefined; level = level.parent) if (isOf(level, qualifier)) return true;
    return false;
  };
  if (use.star) return inSight(field);
  // A name alone may be a column, or a whole row.
  if (use.fields.length === 1) return (field === column && inSight(undefined)) || inSight(field);
  return field === column && inSight(use.fields.at(-2));
};

const namesColumns =
  (analysis: Analysis, decision: Pick<Decision, 'relations' | 'targets'>, parts: readonly StatementPart[], context: DecisionContext) =>
  (relation: QualifiedName, column: string): boolean => {
    const key = relationKey(relation.schema, relation.name);
    const isMeant = (each: Named): boolean => relationKey(each.relation.schema, each.relation.name) === key;
    const own = decision.relations.filter(isMeant);
    const references = new Set(
      namedOf(decision)
        .filter(isMeant)
        .map(({ reference }) => reference),
    );
    const isOf = (level: QueryLevel, qualifier: string | undefined): boolean =>
      level.items.some(
        (item) => item.reference !== undefined && references.has(item.reference) && (qualifier === undefined || item.name === qualifier),
      );
    if (analysis.columns.some((use) => means(use, column, isOf))) return true;
    const { form } = analysis;
    if (form.type === 'CopyOut' && form.relation !== undefined && references.has(form.relation)) {
      return form.columns === undefined || form.columns.includes(column);
    }
    const isJoined = analysis.joined.some((name) => name === column || name === '*') && own.length > 0;
    // Columns given other names: which is which is not followed.
    return isJoined || own.some(({ reference }) => reference.columnAliases) || assigns(parts, key, column, context);
  };

const assigns = (parts: readonly StatementPart[], key: string, column: string, context: DecisionContext): boolean =>
  parts.some(
    (part) =>
      (part.assigned === 'All' || part.assigned.includes(column)) &&
      targetsOf(part, context).some((target) => relationKey(target.schema, target.name) === key),
  );

/** The facts of a statement that the decision looked at. */
export const statementFacts = (
  tree: Tree,
  analysis: Analysis,
  decision: Pick<Decision, 'relations' | 'targets'>,
  context: DecisionContext,
): StatementFacts => {
  const parts = statementParts(tree);
  const facts = parts.map((part) => partFacts(part, context));
  const named = namedOf(decision);
  const touched = new Set([...named.map(({ relation }) => relation), ...facts.flatMap(({ targets }) => targets)]);
  return {
    parts: facts,
    relations: withShown([...touched], context),
    objects: [],
    schemas: [],
    calls: callsOf(analysis, named, context),
    names: namesColumns(analysis, decision, parts, context),
  };
};

/** The facts of a statement that is refused by its form: its kinds alone. */
export const kindFacts = (tree: Tree): StatementFacts => ({
  parts: statementParts(tree).map(({ kinds }) => ({
    kinds,
    targets: [],
    withoutWhere: false,
    withoutKey: false,
    fromQuery: false,
    upsert: false,
  })),
  relations: [],
  objects: [],
  schemas: [],
  calls: () => false,
  names: () => false,
});
