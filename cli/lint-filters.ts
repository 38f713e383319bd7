/** Checks of row filters and Expression masks: whether they hold whatever the agent writes and whatever its session is set to. */
import type { FieldPath } from '../kernel/manifest/field-path.ts';
import { isTree, listOf, namesOf, stringOf, type Tree, treeOf, unwrap } from '../proxy/sql/tree.ts';
import { type Check, type Finding, type GrantPlace, grantPlaces, inPolicy, type LintInput } from './lint-finding.ts';
import { relationOf } from './lint-grants.ts';

type Expression = { readonly place: GrantPlace; readonly sql: string; readonly path: FieldPath; readonly what: string };

const expressionsOf = (input: LintInput): readonly Expression[] =>
  grantPlaces(input).flatMap((place) => {
    const { grant, path, name } = place;
    const filters =
      grant.where === undefined ? [] : [{ place, sql: grant.where, path: [...path, 'where'], what: `the row filter of ${name}` }];
    const masks = (grant.select?.masks ?? []).flatMap(({ column, mask }, index) =>
      mask.type === 'Expression'
        ? [
            {
              place,
              sql: mask.expression,
              path: [...path, 'select', 'masks', index, 'mask'],
              what: `the mask of column "${column}" of ${name}`,
            },
          ]
        : [],
    );
    return [...filters, ...masks];
  });

/** Each node of a tree, as its tag and content. */
function* nodesOf(value: unknown): Generator<readonly [string, Tree]> {
  if (Array.isArray(value)) for (const each of value) yield* nodesOf(each);
  else if (isTree(value)) {
    for (const [field, inner] of Object.entries(value)) {
      if (isTree(inner)) yield [field, inner];
      yield* nodesOf(inner);
    }
  }
}

const columnOf = (node: Tree): string | undefined => {
  const [tag, column] = unwrap(node);
  return tag === 'ColumnRef' ? namesOf(column.fields).at(-1) : undefined;
};

const literalOf = (node: Tree): string | undefined => {
  const [tag, constant] = unwrap(node);
  return tag === 'A_Const' ? stringOf(treeOf(constant.sval).sval) : undefined;
};

/** Expressions that cannot be parsed, where no database says so. */
export const brokenExpressions: Check = (input) =>
  expressionsOf(input).flatMap(({ place, sql, path, what }): Finding[] => {
    const parsed = input.expression(sql);
    if (place.database !== undefined || !('problem' in parsed)) return [];
    const message = `${what} cannot be read: ${parsed.problem}`;
    const remedy = 'Correct it: every statement that reads the relation is refused.';
    return [inPolicy('broken-expression', place.policy, { severity: 'Error', path, message, remedy })];
  });

/** A row filter over a column that the agent may write. */
export const writableFilters: Check = (input) =>
  grantPlaces(input).flatMap((place): Finding[] => {
    const { grant, policy, path, name } = place;
    const parsed = grant.where === undefined ? undefined : input.expression(grant.where);
    if (parsed === undefined || !('tree' in parsed)) return [];
    const filtered = new Set<string>();
    for (const [tag, node] of nodesOf(parsed.tree)) if (tag === 'ColumnRef') filtered.add(namesOf(node.fields).at(-1) ?? '');
    return (['insert', 'update'] as const).flatMap((operation): Finding[] => {
      const columns = grant[operation]?.columns ?? [];
      const both = [...filtered].filter((column) => columns === '*' || columns.includes(column));
      if (both.length === 0) return [];
      const message = `the agent may ${operation} ${both.join(', ')} of ${name}, which its row filter looks at`;
      const remedy = 'Leave it out of the columns, so that the database or its default decides to whom a row belongs.';
      return [inPolicy('writable-filter', policy, { severity: 'Warning', path: [...path, operation, 'columns'], message, remedy })];
    });
  });

const MOMENTS = new Set(['date', 'time', 'timetz', 'timestamp', 'timestamptz']);
/** Depend on where midnight is. */
const ZONED_FUNCTIONS = new Set(['date_trunc', 'date_part', 'extract', 'to_char', 'age', 'date_bin']);
const LOCAL_VALUES = new Set(['SVFOP_CURRENT_DATE', 'SVFOP_CURRENT_TIME', 'SVFOP_LOCALTIME', 'SVFOP_LOCALTIMESTAMP']);
const RELATIVE = /^\s*(now|today|tomorrow|yesterday|allballs)\s*$/i;
const AMBIGUOUS_DATE = /^\s*\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}\b/;
const WITH_ZONE = /\d:\d\d.*(Z|UTC|GMT|[+-]\d{1,2}(:?\d\d)?)\s*$/i;

/** What of the session's settings the literal's meaning depends on, read as `type`. */
const literalDependence = (text: string, type: string | undefined): string | undefined => {
  if (type !== undefined && !MOMENTS.has(type)) return undefined;
  if (AMBIGUOUS_DATE.test(text)) return `DateStyle says which part of '${text}' is the day`;
  if (type === undefined) return undefined;
  if (RELATIVE.test(text)) return `TimeZone says what '${text.trim()}' is`;
  if (type === 'timestamptz' && /\d/.test(text) && !WITH_ZONE.test(text)) return `TimeZone says which moment '${text}' is`;
  return undefined;
};

type TypeOf = (column: string) => string | undefined;

const castDependence = (node: Tree, typeOf: TypeOf): string | undefined => {
  const type = namesOf(treeOf(node.typeName).names).at(-1);
  const literal = literalOf(treeOf(node.arg));
  if (literal !== undefined && type !== undefined) return literalDependence(literal, type);
  const column = columnOf(treeOf(node.arg));
  const from = column === undefined ? undefined : typeOf(column);
  if (from === undefined || !MOMENTS.has(from) || type === from) return undefined;
  const isText = type === 'text' || type === 'varchar' || type === 'bpchar';
  if (from === 'timestamptz') return `TimeZone says which ${type ?? 'value'} "${column ?? ''}" falls on`;
  if (isText) return `DateStyle says how "${column ?? ''}" is written`;
  return type === 'timestamptz' ? `TimeZone says which moment "${column ?? ''}" is` : undefined;
};

const NOW = new Set(['now', 'transaction_timestamp', 'statement_timestamp', 'clock_timestamp']);

const readsClock = (side: Tree): boolean => {
  for (const [tag, node] of nodesOf(side)) {
    if (tag === 'FuncCall' && NOW.has(namesOf(node.funcname).at(-1) ?? '')) return true;
    if (tag === 'SQLValueFunction' && node.op === 'SVFOP_CURRENT_TIMESTAMP') return true;
  }
  return false;
};

const comparisonDependence = (node: Tree, typeOf: TypeOf): string | undefined => {
  const sides = [treeOf(node.lexpr), treeOf(node.rexpr)] as const;
  for (const [one, other] of [sides, [sides[1], sides[0]]] as const) {
    const column = columnOf(one);
    if (column === undefined) continue;
    const type = typeOf(column);
    const [tag, list] = unwrap(other);
    for (const each of tag === 'List' ? listOf(list.items) : [other]) {
      const literal = literalOf(each);
      const dependence = literal === undefined ? undefined : literalDependence(literal, type);
      if (dependence !== undefined) return dependence;
    }
    if ((type === 'date' || type === 'timestamp') && readsClock(other)) return `TimeZone says which ${type} it is now, for "${column}"`;
  }
  return undefined;
};

const dependenceOf = ([tag, node]: readonly [string, Tree], typeOf: TypeOf): string | undefined => {
  if (tag === 'TypeCast') return castDependence(node, typeOf);
  if (tag === 'A_Expr') return comparisonDependence(node, typeOf);
  if (tag === 'SQLValueFunction') {
    const word = String(node.op).replace('SVFOP_', '').toLowerCase();
    return LOCAL_VALUES.has(String(node.op)) ? `TimeZone says what ${word} is` : undefined;
  }
  if (tag !== 'FuncCall') return undefined;
  const name = namesOf(node.funcname).at(-1) ?? '';
  const args = listOf(node.args);
  // With a third argument date_trunc has its own time zone.
  if (!ZONED_FUNCTIONS.has(name) || (name === 'date_trunc' && args.length > 2)) return undefined;
  const column = args.map(columnOf).find((each) => each !== undefined && typeOf(each) === 'timestamptz');
  return column === undefined ? undefined : `TimeZone says what ${name} makes of "${column}"`;
};

/** Filters and masks that mean something else in a session with another DateStyle or TimeZone, which agents may set. */
export const settingDependence: Check = (input) =>
  expressionsOf(input).flatMap(({ place, sql, path, what }): Finding[] => {
    const parsed = input.expression(sql);
    if (!('tree' in parsed)) return [];
    const relation = relationOf(place);
    const typeOf: TypeOf = (name) => {
      const column = relation?.columns.find((each) => each.name === name);
      return column?.baseTypeSchema === 'pg_catalog' ? column.baseType : undefined;
    };
    const reasons = new Set<string>();
    for (const node of nodesOf(parsed.tree)) {
      const dependence = dependenceOf(node, typeOf);
      if (dependence !== undefined) reasons.add(dependence);
    }
    return [...reasons].map((reason) =>
      inPolicy('setting-dependence', place.policy, {
        severity: 'Warning',
        path,
        message: `${what} depends on what the agent's session is set to: ${reason}`,
        remedy: `Write dates as '2026-01-31', moments with their offset, and AT TIME ZONE 'UTC' before a cast.`,
      }),
    );
  });
