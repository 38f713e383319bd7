/**
 * Does a condition leave any row out? Decided by the syntax alone, so that only what is certain counts as true for every row.
 */
import { isNull, knownTruth } from './known-truth.ts';
import { constantOf, isTree, listOf, namesOf, stringOf, type Tree, treeOf, unwrap } from './tree.ts';

/** What a condition is for the rows of a statement. `All` and `None` also where it is NULL for some. */
export type RowCondition = 'All' | 'Some' | 'None';

/** The relation whose rows are asked about. */
export type ConditionTarget = {
  /** Names that qualify its columns. */
  readonly names: ReadonlySet<string>;
  /** Columns of other relations count too: their rows are joined with these. */
  readonly joined: boolean;
  /** Is the column never NULL? */
  readonly notNull: (column: string) => boolean;
};

/** The same tree without the places where its parts stand in the text. */
const textOf = (value: unknown, { names }: ConditionTarget): string =>
  JSON.stringify(value, (key, item: unknown) => {
    if (key === 'location' || key.startsWith('rexpr_list_') || key.startsWith('list_')) return undefined;
    if (!isTree(item)) return item;
    // Of a ColumnRef: nothing else has fields.
    const fields = namesOf(item.fields);
    return names.has(fields.at(-2) ?? '') ? { fields: [{ String: { sval: fields.at(-1) } }] } : item;
  });

/** Does the value depend on the row? What is qualified by another name, in a sub-query or of a relation that is not joined, does not. */
const looksAtRow = (value: unknown, target: ConditionTarget, inside: boolean): boolean => {
  if (Array.isArray(value)) return value.some((item) => looksAtRow(item, target, inside));
  if (!isTree(value)) return false;
  if (isTree(value.ColumnRef)) {
    const fields = namesOf(value.ColumnRef.fields);
    return (target.joined && !inside) || fields.length < 2 || target.names.has(fields.at(-2) ?? '');
  }
  if (value.CurrentOfExpr !== undefined) return true;
  return Object.entries(value).some(([key, item]) => looksAtRow(item, target, inside || key === 'subselect'));
};

const NEGATED: Readonly<Record<RowCondition, RowCondition>> = { All: 'None', Some: 'Some', None: 'All' };

/** Operators between equal operands, NULL aside. */
const OF_EQUALS: Readonly<Record<string, RowCondition>> = {
  '=': 'All',
  '<=': 'All',
  '>=': 'All',
  '<>': 'None',
  '<': 'None',
  '>': 'None',
};

/** What one operator says, the other denies. */
const OPPOSITE: Readonly<Record<string, string>> = { '=': '<>', '<>': '=', '<': '>=', '>=': '<', '>': '<=', '<=': '>' };

/** Patterns that every text matches, of LIKE and of regular expressions. */
const ANY_LIKE = /^%+$/;
const ANY_REGULAR = /^\^?(\.\*)?\$?$/;

/** One that does not match every text. */
const NO_PATTERN = '?';

const PATTERNS: Readonly<Record<string, { readonly matches: RegExp; readonly says: RowCondition }>> = {
  '~~': { matches: ANY_LIKE, says: 'All' },
  '~~*': { matches: ANY_LIKE, says: 'All' },
  '!~~': { matches: ANY_LIKE, says: 'None' },
  '!~~*': { matches: ANY_LIKE, says: 'None' },
  '~': { matches: ANY_REGULAR, says: 'All' },
  '~*': { matches: ANY_REGULAR, says: 'All' },
  '!~': { matches: ANY_REGULAR, says: 'None' },
  '!~*': { matches: ANY_REGULAR, says: 'None' },
};

const conjunction = (parts: readonly RowCondition[]): RowCondition =>
  parts.includes('None') ? 'None' : parts.every((part) => part === 'All') ? 'All' : 'Some';

class Conditions {
  readonly #target: ConditionTarget;
  #depth = 0;
  /** Within what is denied. */
  #denied: boolean;

  constructor(target: ConditionTarget, denied = false) {
    this.#target = target;
    this.#denied = denied;
  }

  of(wrapped: Tree): RowCondition {
    if (this.#depth > 200) return 'Some';
    this.#depth++;
    const [tag, node] = unwrap(wrapped);
    const result =
      tag === 'BoolExpr' ? this.#boolean(node) : looksAtRow(wrapped, this.#target, false) ? this.#ofRow(tag, node) : this.#ofNoRow(wrapped);
    this.#depth--;
    return result;
  }

  #boolean(node: Tree): RowCondition {
    const args = listOf(node.args);
    if (node.boolop === 'NOT_EXPR') {
      const [arg = {}] = args;
      return isNull(arg) ? 'None' : this.#not(arg);
    }
    const parts = args.map((arg) => this.of(arg));
    if (node.boolop === 'AND_EXPR') return conjunction(parts);
    if (parts.includes('All') || this.#exhausts(args)) return 'All';
    return parts.every((part) => part === 'None') ? 'None' : 'Some';
  }

  #not(arg: Tree): RowCondition {
    this.#denied = !this.#denied;
    const result = this.of(arg);
    this.#denied = !this.#denied;
    return NEGATED[result];
  }

  /** INVARIANT: what is not certain counts as what makes the whole true, also within NOT. */
  #ofNoRow(wrapped: Tree): RowCondition {
    return (knownTruth(wrapped) ?? !this.#denied) ? 'All' : 'None';
  }

  /** `x IS NULL OR x IS NOT NULL`, `a = 1 OR a <> 1`, `p OR NOT p`. */
  #exhausts(args: readonly Tree[]): boolean {
    const seen = new Set(args.map((arg) => this.#text(arg)));
    return args.some((arg) => {
      const [tag, node] = unwrap(arg);
      if (tag === 'NullTest') {
        const other = node.nulltesttype === 'IS_NULL' ? 'IS_NOT_NULL' : 'IS_NULL';
        return seen.has(this.#text({ NullTest: { ...node, nulltesttype: other } }));
      }
      if (node.boolop === 'NOT_EXPR') return seen.has(this.#text(listOf(node.args)[0]));
      if (node.kind !== 'AEXPR_OP' && node.kind !== 'AEXPR_IN') return false;
      const opposite = OPPOSITE[namesOf(node.name).at(-1) ?? ''];
      return seen.has(this.#text({ A_Expr: { ...node, name: [{ String: { sval: opposite } }] } }));
    });
  }

  #text(value: unknown): string {
    return textOf(value, this.#target);
  }

  #same(left: unknown, right: unknown): boolean {
    return this.#text(left) === this.#text(right);
  }

  #ofRow(tag: string, node: Tree): RowCondition {
    switch (tag) {
      case 'A_Expr':
        return this.#operator(node);
      case 'NullTest':
        if (!this.#neverNull(treeOf(node.arg))) return 'Some';
        return node.nulltesttype === 'IS_NULL' ? 'None' : 'All';
      case 'BooleanTest': {
        const arg = treeOf(node.arg);
        if (node.booltesttype === 'IS_TRUE' || node.booltesttype === 'IS_NOT_FALSE') return this.of(arg);
        return node.booltesttype === 'IS_FALSE' || node.booltesttype === 'IS_NOT_TRUE' ? this.#not(arg) : 'Some';
      }
      case 'TypeCast':
        return this.of(treeOf(node.arg));
      case 'CoalesceExpr':
        return this.#coalesce(listOf(node.args).filter((arg) => !isNull(arg)));
      case 'CaseExpr': {
        const whens = listOf(node.args).map((when) => treeOf(when.CaseWhen));
        const open = node.arg === undefined ? whens.filter(({ expr }) => this.of(treeOf(expr)) !== 'None') : whens;
        const sure = node.arg === undefined ? open.findIndex(({ expr }) => this.of(treeOf(expr)) === 'All') : -1;
        const results = (sure < 0 ? open : open.slice(0, sure + 1)).map(({ result }) => this.of(treeOf(result)));
        if (sure >= 0) return alike(results);
        return alike([...results, node.defresult === undefined ? 'None' : this.of(treeOf(node.defresult))]);
      }
      case 'SubLink':
        return this.#subQuery(node);
      default:
        return 'Some';
    }
  }

  #coalesce(args: readonly Tree[]): RowCondition {
    const [first = {}] = args;
    return knownTruth(first) !== undefined ? this.#ofNoRow(first) : alike(args.map((arg) => this.of(arg)));
  }

  #operator(node: Tree): RowCondition {
    const { kind, lexpr, rexpr } = node;
    const name = namesOf(node.name).at(-1) ?? '';
    switch (kind) {
      case 'AEXPR_OP': {
        if (this.#same(lexpr, rexpr)) return OF_EQUALS[name] ?? 'Some';
        for (const [constant, other] of [
          [lexpr, rexpr],
          [rexpr, lexpr],
        ]) {
          const truth = knownTruth(treeOf(constant));
          if (truth === undefined || (name !== '=' && name !== '<>')) continue;
          return truth === (name === '=') ? this.of(treeOf(other)) : this.#not(treeOf(other));
        }
        return pattern(name, treeOf(rexpr));
      }
      case 'AEXPR_LIKE':
      case 'AEXPR_ILIKE':
        return this.#same(lexpr, rexpr) && !name.startsWith('!') ? 'All' : pattern(name, treeOf(rexpr));
      case 'AEXPR_SIMILAR': {
        const [text = {}] = listOf(treeOf(treeOf(rexpr).FuncCall).args);
        return ANY_LIKE.test(constantOf(text) ?? '') ? (name.startsWith('!') ? 'None' : 'All') : 'Some';
      }
      case 'AEXPR_NOT_DISTINCT':
        return this.#same(lexpr, rexpr) ? 'All' : 'Some';
      case 'AEXPR_DISTINCT':
        return this.#same(lexpr, rexpr) ? 'None' : this.#isNullAgainst(treeOf(lexpr), treeOf(rexpr)) ? 'All' : 'Some';
      case 'AEXPR_IN':
      case 'AEXPR_OP_ANY': {
        const list = treeOf(rexpr);
        const items = [...listOf(treeOf(list.List).items), ...listOf(treeOf(list.A_ArrayExpr).elements)];
        return name === '=' && items.some((item) => this.#same(lexpr, item)) ? 'All' : 'Some';
      }
      case 'AEXPR_BETWEEN':
      case 'AEXPR_BETWEEN_SYM': {
        const bounds = listOf(treeOf(treeOf(rexpr).List).items);
        return bounds.every((bound) => this.#same(lexpr, bound)) ? 'All' : 'Some';
      }
      default:
        return 'Some';
    }
  }

  #isNullAgainst(left: Tree, right: Tree): boolean {
    return (isNull(right) && this.#neverNull(left)) || (isNull(left) && this.#neverNull(right));
  }

  /** A comparison of columns that are never NULL is never NULL either. */
  #neverNull(wrapped: Tree): boolean {
    const [tag, node] = unwrap(wrapped);
    if (tag === 'A_Const') return node.isnull !== true;
    if (tag === 'TypeCast') return this.#neverNull(treeOf(node.arg));
    if (tag === 'A_Expr') return isComparison(node) && this.#neverNull(treeOf(node.lexpr)) && this.#neverNull(treeOf(node.rexpr));
    const fields = namesOf(node.fields);
    return (fields.length === 1 || this.#target.names.has(fields.at(-2) ?? '')) && this.#target.notNull(fields.at(-1) ?? '');
  }

  /** `id IN (SELECT id FROM the same relation)`. */
  #subQuery(node: Tree): RowCondition {
    const query = treeOf(treeOf(node.subselect).SelectStmt);
    const [from, ...more] = listOf(query.fromClause);
    const [target = {}] = listOf(query.targetList);
    if (node.operName !== undefined || from === undefined || more.length > 0) return 'Some';
    if (query.limitCount !== undefined || query.limitOffset !== undefined) return 'Some';
    const relation = treeOf(from.RangeVar);
    const name = stringOf(treeOf(relation.alias).aliasname) ?? stringOf(relation.relname) ?? '';
    if (!this.#target.names.has(stringOf(relation.relname) ?? '')) return 'Some';
    const inner = { ...this.#target, names: new Set([name, ...this.#target.names]) };
    const same = textOf(treeOf(target.ResTarget).val, inner) === textOf(node.testexpr, inner);
    return same && (query.whereClause === undefined || new Conditions(inner, this.#denied).of(treeOf(query.whereClause)) === 'All')
      ? 'All'
      : 'Some';
  }
}

const isComparison = (node: Tree): boolean => node.kind === 'AEXPR_OP' && Object.hasOwn(OF_EQUALS, namesOf(node.name).join('.'));

const alike = (parts: readonly RowCondition[]): RowCondition => {
  const [first = 'Some'] = parts;
  return parts.every((part) => part === first) ? first : 'Some';
};

const pattern = (operator: string, right: Tree): RowCondition => {
  const known = Object.hasOwn(PATTERNS, operator) ? PATTERNS[operator] : undefined;
  return known?.matches.test(constantOf(right) ?? NO_PATTERN) === true ? known.says : 'Some';
};

/** What a WHERE clause is for the rows of `target`. */
export const rowCondition = (where: Tree, target: ConditionTarget): RowCondition => new Conditions(target).of(where);
