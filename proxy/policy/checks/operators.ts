/**
 * An operator is a function by another name. PostgreSQL's own are harmless; one that the database defines counts where
 * the statement could reach its operand types.
 */
import { operatorRefused } from '../../../kernel/failure.ts';
import { readyExtension } from '../../catalog/builtin/extensions.ts';
import { functionClass } from '../../catalog/builtin/functions.ts';
import type { CatalogOperator } from '../../catalog/catalog.ts';
import type { NameUse } from '../../sql/analysis.ts';
import type { DecisionContext, Reason } from '../decision.ts';
import { isAllowedFunction } from './functions.ts';

const isAllowed = (operator: CatalogOperator, context: DecisionContext): boolean => {
  if (operator.extension !== undefined && readyExtension(operator.extension) !== undefined) return true;
  const { schema, name } = operator.function;
  if (schema === 'pg_catalog') return functionClass(schema, name) === 'harmless';
  return isAllowedFunction({ schema, name, extension: operator.extension }, context);
};

/**
 * Judges the operators of a statement.
 * `types`: types outside of pg_catalog that its expressions can have, as `schema.name`.
 */
export const checkOperators = (uses: readonly NameUse[], types: ReadonlySet<string>, context: DecisionContext): readonly Reason[] => {
  const reasons: Reason[] = [];
  for (const use of uses) {
    const candidates = context.catalog.operators.get(use.name);
    if (candidates === undefined) continue;
    const reachable = candidates.filter(
      (operator) => (use.schema === undefined || use.schema === operator.schema) && operator.operandTypes.every((type) => types.has(type)),
    );
    const refused = reachable.find((operator) => !isAllowed(operator, context));
    if (refused === undefined) continue;
    const { schema, name } = refused.function;
    reasons.push({
      failure: operatorRefused(use.name, `It may call function ${schema}.${name}, which no policy in force names.`),
      location: use.location,
      auditable: false,
    });
  }
  return reasons;
};
