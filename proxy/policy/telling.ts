/**
 * What a write tells of rows and columns that the agent may not see, by whether constraints let it through. A violation tells that a value
 * is there; a comparison with a hidden value, tried often enough, tells the value itself.
 */
import { makesRows } from './makes-rows.ts';
import { comparisonRefused, conflictsUncounted } from '../../kernel/policy-failure.ts';
import type { CatalogConstraint, CatalogRelation } from '../catalog/catalog.ts';
import type { Write } from '../sql/analysis.ts';
import type { Tree } from '../sql/tree.ts';
import { givenColumns } from './checks/writes.ts';
import { type Assigned, type ConstraintContext, constraintTells, type Tells } from './constraint-tells.ts';
import type { Reason, ResolvedTarget } from './decision.ts';
import type { Telling } from './judgement.ts';

export type TellingContext = ConstraintContext & {
  /** The target's row filter, parsed. */
  readonly filterOf: (target: ResolvedTarget) => Tree | undefined;
  /** The tag of the statement is not that of the write, as that of EXPLAIN. */
  readonly untagged: boolean;
};

export type WriteTelling = { readonly telling: Telling | undefined; readonly reasons: readonly Reason[] };

/** Can ON CONFLICT DO NOTHING pass over a violation of one of these? */
const passesOver = ({ conflict }: Write, tells: readonly Tells[]): boolean => {
  if (conflict?.action !== 'Nothing') return false;
  const unique = tells.map(({ constraint }) => constraint).filter(({ type }) => type === 'Unique' || type === 'Exclusion');
  if (conflict.constraint !== undefined) return unique.some(({ name }) => name === conflict.constraint);
  // An arbiter with expressions is not looked at further.
  const named = new Set(conflict.columns);
  return unique.some(
    ({ columns }) => named.size === 0 || columns.every((each) => named.has(each)) || [...named].every((each) => columns.includes(each)),
  );
};

const assignedBy = ({ inserts, updates, deletes }: Write, relation: CatalogRelation): Assigned => ({
  inserted: new Set(inserts.flatMap((given) => givenColumns(given, relation))),
  updated: new Set(updates.map(({ column }) => column)),
  deletes,
});

const wordsOf = ({ type, name }: CatalogConstraint): string =>
  type === 'Computed' ? `"${name}" is computed of it and of` : `Constraint "${name}" compares it with`;

/** What one write tells, and why it is refused where nobody could count that. */
const writeTells = (target: ResolvedTarget, context: TellingContext): WriteTelling => {
  const { write, relation, granted } = target;
  const { grant } = granted;
  const tells = constraintTells({ relation, grant, filter: context.filterOf(target), assigned: assignedBy(write, relation) }, context);
  if (tells.length === 0) return { telling: undefined, reasons: [] };
  const name = `${relation.schema}.${relation.name}`;
  const refuse = (failure: Reason['failure']): Reason => ({ failure, location: write.reference.location, auditable: false });
  const guessable = new Set(grant.guessable);
  const reasons = tells.flatMap(({ constraint, column, with: hidden }) => {
    const compared = hidden.find((each) => !guessable.has(each));
    return compared === undefined ? [] : [refuse(comparisonRefused(column, compared, wordsOf(constraint), name))];
  });
  const silent = passesOver(write, tells);
  const isCounted = !write.fromQuery && !write.calls.some((call) => makesRows(call, context.catalog));
  if (silent && !isCounted) reasons.push(refuse(conflictsUncounted(name)));
  const counted = write.outermost && !context.untagged;
  const guesses = tells.some(({ with: hidden }) => hidden.length > 0) ? 1 : 0;
  return {
    telling: {
      constraints: [...new Set(tells.map(({ constraint }) => constraint.name))],
      proposed: silent && counted ? write.rows : 0,
      upfront: guesses + (silent && !counted ? write.rows : 0),
      computes: tells.some(({ constraint }) => constraint.type === 'Computed'),
    },
    reasons,
  };
};

const joined = (one: Telling, other: Telling): Telling => ({
  constraints: [...new Set([...one.constraints, ...other.constraints])],
  proposed: one.proposed + other.proposed,
  upfront: one.upfront + other.upfront,
  computes: one.computes || other.computes,
});

/** What a statement tells by all that it writes. */
export const tellingOf = (targets: readonly ResolvedTarget[], context: TellingContext): WriteTelling => {
  const all = targets.map((target) => writeTells(target, context));
  return {
    telling: all
      .flatMap(({ telling }) => telling ?? [])
      .reduce<Telling | undefined>((sum, each) => (sum === undefined ? each : joined(sum, each)), undefined),
    reasons: all.flatMap(({ reasons }) => reasons),
  };
};
