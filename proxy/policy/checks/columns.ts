/**
 * Naming a column that is not granted. The scope would not have it, and PostgreSQL would say that it does not exist; saying why
 * is of more help. So this refuses only what is certain, and leaves the rest to PostgreSQL.
 */
import { columnRefused } from '../../../kernel/failure.ts';
import type { Analysis, ColumnUse, FromItem, QueryLevel } from '../../sql/analysis.ts';
import type { Reason, ResolvedRelation } from '../decision.ts';

type Columns = { readonly relation: string; readonly visible: ReadonlySet<string>; readonly all: ReadonlySet<string> };

const columnsOf = ({ relation, access }: ResolvedRelation): Columns => {
  const all = new Set(relation.columns.map((column) => column.name));
  const select = access.type === 'Granted' ? access.granted.grant.select : undefined;
  const visible =
    select === undefined || select.columns === '*' ? all : new Set([...select.columns, ...select.masks.map((entry) => entry.column)]);
  return { relation: `${relation.schema}.${relation.name}`, visible, all };
};

/** The relation whose hidden column the use names, for certain; undefined where another column could be meant. */
const hiddenIn = (use: ColumnUse, field: string, columns: (item: FromItem) => Columns | undefined): Columns | undefined => {
  const qualifier = use.fields.at(-2);
  for (let level: QueryLevel | undefined = use.level; level !== undefined; level = level.parent) {
    // ORDER BY and GROUP BY can mean what the select list calls by this name.
    if (qualifier === undefined && level.targets.some((target) => target.name === field && target.column?.at(-1) !== field))
      return undefined;
    const items = qualifier === undefined ? level.items : level.items.filter((item) => item.name === qualifier);
    const known = items.map(columns);
    if (known.some((entry) => entry === undefined || entry.visible.has(field))) return undefined;
    const found = known.find((entry) => entry?.all.has(field));
    if (found !== undefined || (qualifier !== undefined && items.length > 0)) return found;
  }
  return undefined;
};

/** Auditable: `mode: Audit` shows such columns, and records that they would have been refused. */
export const checkColumns = (analysis: Analysis, relations: readonly ResolvedRelation[]): readonly Reason[] => {
  const columns = (item: FromItem): Columns | undefined => {
    const resolved = relations.find((entry) => entry.reference === item.reference);
    return resolved === undefined || item.columnAliases || resolved.relation.unlisted === true ? undefined : columnsOf(resolved);
  };
  const reasons: Reason[] = [];
  const refuse = (field: string, location: number, { relation, visible }: Columns): void => {
    reasons.push({ failure: columnRefused(field, relation, [...visible]), location, auditable: true });
  };
  for (const use of analysis.columns) {
    const field = use.star ? undefined : use.fields.at(-1);
    const found = field === undefined ? undefined : hiddenIn(use, field, columns);
    if (field !== undefined && found !== undefined) refuse(field, use.location, found);
  }
  const { form } = analysis;
  const copied = form.type === 'CopyOut' ? relations.find((entry) => entry.reference === form.relation) : undefined;
  if (form.type === 'CopyOut' && copied !== undefined) {
    const known = columnsOf(copied);
    for (const field of form.columns ?? []) {
      if (known.all.has(field) && !known.visible.has(field)) refuse(field, copied.reference.location, known);
    }
  }
  return reasons;
};
