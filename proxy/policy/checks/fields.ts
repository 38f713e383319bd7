/**
 * `t.name` and `(expression).name` call a function where no column has that name.
 */
import { functionRefused } from '../../../kernel/failure.ts';
import type { Analysis, ColumnUse, QueryLevel } from '../../sql/analysis.ts';
import type { DecisionContext, Reason, ResolvedRelation } from '../decision.ts';
import { isRefusedAsField } from './functions.ts';

/** The FROM item that a qualifier names, looking outwards. */
export const itemNamed = (name: string, level: QueryLevel): QueryLevel['items'][number] | undefined => {
  for (let at: QueryLevel | undefined = level; at !== undefined; at = at.parent) {
    const found = at.items.find((item) => item.name === name);
    if (found !== undefined) return found;
  }
  return undefined;
};

const isColumn = (use: ColumnUse, field: string, relations: readonly ResolvedRelation[]): boolean => {
  const item = itemNamed(use.fields.at(-2) ?? '', use.level);
  const resolved = relations.find((entry) => entry.reference === item?.reference);
  return resolved !== undefined && !resolved.reference.columnAliases && resolved.relation.columns.some((column) => column.name === field);
};

export const checkFields = (analysis: Analysis, relations: readonly ResolvedRelation[], context: DecisionContext): readonly Reason[] => {
  const reasons: Reason[] = [];
  const refuse = (name: string, location: number): void => {
    const detail = 'Written as a field, it calls a function that no policy in force names.';
    reasons.push({ failure: functionRefused(name, detail), location, auditable: false });
  };
  for (const { name, location } of analysis.fields) if (isRefusedAsField(name, context)) refuse(name, location);
  for (const use of analysis.columns) {
    const field = use.star ? undefined : use.fields.at(-1);
    if (field === undefined || use.fields.length < 2 || !isRefusedAsField(field, context)) continue;
    if (!isColumn(use, field, relations)) refuse(field, use.location);
  }
  return reasons;
};
