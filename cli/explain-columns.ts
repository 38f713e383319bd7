/**
 * Which columns of a relation a statement reads, for the grant that it lacks: by their names, each a column of the innermost query that has it.
 */
import type { CatalogRelation } from '../proxy/catalog/catalog.ts';
import type { ExplainedStatement } from '../proxy/judge/explain-text.ts';
import type { ColumnUse, RelationReference } from '../proxy/sql/analysis.ts';

/** A relation, and where a statement names it. */
export type Named = { readonly reference: RelationReference; readonly relation: CatalogRelation };

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

/** Columns of the relation that the statement reads. */
export const columnsNeeded = (statement: ExplainedStatement, relation: CatalogRelation, named: readonly Named[]): ReadonlySet<string> => {
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
  // ON CONFLICT finds rows by the values of these.
  for (const { reference, conflict } of analysis.writes) {
    if (!named.some((each) => each.reference === reference && each.relation === relation)) continue;
    for (const column of conflict?.columns ?? []) needed.add(column);
  }
  const joined = joinedBy(parsed.node, named);
  for (const column of all) if (joined.has(column)) needed.add(column);
  return needed;
};
