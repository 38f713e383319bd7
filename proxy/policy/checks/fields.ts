/**
 * `t.name` and `(expression).name` call a function where no column has that name.
 */
import { functionRefused } from '../../../kernel/failure.ts';
import type { Analysis, ColumnUse, FromItem, QueryLevel } from '../../sql/analysis.ts';
import type { DecisionContext, Reason, ResolvedRelation } from '../decision.ts';
import { isRefusedAsField } from './functions.ts';

/** Every FROM item that a qualifier may name. Which of them PostgreSQL can see from there (LATERAL, aliased joins) is not followed. */
const itemsNamed = (name: string, from: QueryLevel): readonly FromItem[] => {
  const items: FromItem[] = [];
  for (let level: QueryLevel | undefined = from; level !== undefined; level = level.parent) {
    items.push(...level.items.filter((item) => item.name === name));
  }
  return items;
};

/** `relations`: what is read and what is written. */
export const checkFields = (
  analysis: Analysis,
  relations: readonly Pick<ResolvedRelation, 'reference' | 'relation'>[],
  context: DecisionContext,
): readonly Reason[] => {
  const reasons: Reason[] = [];
  const refuse = (name: string, location: number): void => {
    const detail = 'Written as a field, it calls a function that no policy in force names.';
    reasons.push({ failure: functionRefused(name, detail), location, auditable: false });
  };
  const isColumn = (item: FromItem, field: string): boolean => {
    if (item.columnAliases || item.reference === undefined) return false;
    const resolved = relations.find((entry) => entry.reference === item.reference);
    return resolved?.relation.columns.some((column) => column.name === field) === true;
  };
  const mayCall = (use: ColumnUse, field: string): boolean => {
    const items = itemsNamed(use.fields.at(-2) ?? '', use.level);
    const isHarmless = (item: FromItem): boolean =>
      item.type === 'Query' ? !isRefusedAsField(field, context, true) : isColumn(item, field);
    return items.length === 0 || !items.every(isHarmless);
  };
  for (const { name, location } of analysis.fields) if (isRefusedAsField(name, context)) refuse(name, location);
  for (const use of analysis.columns) {
    const field = use.star ? undefined : use.fields.at(-1);
    if (field === undefined || use.fields.length < 2 || !isRefusedAsField(field, context)) continue;
    if (mayCall(use, field)) refuse(field, use.location);
  }
  return reasons;
};
