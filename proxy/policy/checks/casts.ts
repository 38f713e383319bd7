/**
 * A cast may call functions that the statement does not name: those of CREATE CAST, and those in the checks of a domain.
 */
import { functionRefused } from '../../../kernel/failure.ts';
import { readyExtension } from '../../catalog/builtin/extensions.ts';
import type { Catalog, CatalogConversion } from '../../catalog/catalog.ts';
import type { Analysis, NameUse } from '../../sql/analysis.ts';
import type { DecisionContext, Reason, ResolvedRelation } from '../decision.ts';
import { isAllowedFunction, ownCall } from './functions.ts';

/** Types outside of pg_catalog that a type name may stand for, with the types inside of them, as `schema.name`. */
export const namedTypes = (use: NameUse, catalog: Catalog): readonly string[] =>
  (catalog.userTypes.get(use.name) ?? []).flatMap((type) => (use.schema === undefined || use.schema === type.schema ? type.reach : []));

const isAllowed = ({ function: { schema, name }, extension }: CatalogConversion, context: DecisionContext): boolean =>
  (extension !== undefined && readyExtension(extension) !== undefined) || isAllowedFunction({ schema, name, extension }, context);

/**
 * Judges the types that a statement names.
 * `types`: types outside of pg_catalog that its expressions can have, as `schema.name`.
 */
export const checkCasts = (uses: readonly NameUse[], types: ReadonlySet<string>, context: DecisionContext): readonly Reason[] => {
  const { conversions } = context.catalog;
  if (conversions.size === 0) return [];
  const reasons: Reason[] = [];
  for (const use of uses) {
    for (const target of [`pg_catalog.${use.name}`, ...namedTypes(use, context.catalog)]) {
      const own = target.startsWith('pg_catalog.');
      // A cast between two types of PostgreSQL's own is the database's way to read them.
      const called = (conversions.get(target) ?? []).filter(({ source }) => (source === undefined ? !own : types.has(source)));
      const refused = called.find((conversion) => !isAllowed(conversion, context));
      if (refused === undefined) continue;
      const { schema, name } = refused.function;
      const detail = `A cast to type ${target} may call it, and no policy in force names it.`;
      reasons.push({ failure: functionRefused(`${schema}.${name}`, detail), location: use.location, auditable: false });
    }
  }
  return reasons;
};

/** Types outside of pg_catalog that an expression of the statement can have. */
export const typesInReach = (
  analysis: Analysis,
  relations: readonly Pick<ResolvedRelation, 'relation'>[],
  { catalog }: DecisionContext,
): ReadonlySet<string> => {
  const types = new Set<string>();
  for (const { relation } of relations) for (const type of catalog.columnTypes.get(relation.oid) ?? []) types.add(type);
  for (const type of analysis.types) for (const name of namedTypes(type, catalog)) types.add(name);
  return types;
};

/** Types outside of pg_catalog that columns made by the statement can have; undefined: any, since calls of the database's own can have any. */
export const typesMade = (analysis: Analysis, inReach: ReadonlySet<string>, context: DecisionContext): readonly string[] | undefined => {
  const { operators } = context.catalog;
  const isOwn = analysis.operators.some(({ name }) =>
    (operators.get(name) ?? []).some(({ operandTypes }) => operandTypes.every((type) => inReach.has(type))),
  );
  return isOwn || ownCall(analysis, context) !== undefined ? undefined : [...inReach];
};
