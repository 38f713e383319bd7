/**
 * What texts are judged with, made of data and of what has to be asked elsewhere: the same on the main thread and on the worker's.
 */
import type { RelationGrant } from '../../kernel/policy.ts';
import type { Catalog, CatalogRelation } from '../catalog/catalog.ts';
import type { Estimable, RowEstimate } from '../catalog/row-estimator.ts';
import type { ResolvedRelation } from '../policy/decision.ts';
import { isWhole } from '../policy/checks/relations.ts';
import type { GrantedRelation, Grants } from '../policy/grants.ts';
import { probeOf, type Scope, scopeOf, systemScope } from '../scope/scope.ts';
import { witnessOf } from '../scope/witness.ts';
import type { Grammar } from '../sql/grammar.ts';

/** What a text is judged with. */
export type JudgeContext = {
  readonly catalog: Catalog;
  readonly grants: Grants;
  readonly grammar: Grammar;
  readonly revision: string;
  /** The scope of a resolved relation. */
  readonly scopeOf: (resolved: ResolvedRelation) => Scope;
  /** The same for a catalog of which nothing is known yet. */
  readonly freshScopes: (catalog: Catalog) => JudgeContext['scopeOf'];
  /** Asks the server whether a scope can be evaluated: a complaint, or undefined. */
  readonly probe: (scope: Scope) => Promise<string | undefined>;
  /** Asks the server how many rows it expects. */
  readonly estimate: (statement: Estimable) => Promise<RowEstimate>;
  /** Told of faults of ours. */
  readonly onFault: (error: unknown) => void;
};

/** The part that is data: it can be copied to another thread. */
export type JudgeBasis = { readonly catalog: Catalog; readonly grants: Grants; readonly revision: string };

/** Questions to the server. */
export type JudgeQuestions = {
  /** Runs a statement that reads nothing: the server's complaint, or undefined. */
  readonly probe: (sql: string) => Promise<string | undefined>;
  readonly estimate: (statement: Estimable) => Promise<RowEstimate>;
};

export type JudgeTools = JudgeQuestions & { readonly grammar: Grammar; readonly onFault: (error: unknown) => void };

const readable = ({ grant, audited }: GrantedRelation, mode: Grants['mode']): RelationGrant =>
  // In audit mode columns that are not granted are let through and recorded; masks and filters hold.
  mode === 'Audit' && grant.select !== undefined ? { ...grant, select: audited ?? { ...grant.select, columns: '*' } } : grant;

/**
 * INVARIANT: where a policy hides anything, no view is read but the one that was traced, and of that no other columns: whoever may change the database
 * may replace it meanwhile.
 */
const viewScope = (relation: CatalogRelation, grant: RelationGrant, { catalog }: JudgeBasis, grammar: Grammar): Scope => {
  const witness = witnessOf(relation, catalog);
  const { select } = grant;
  const scope = scopeOf(relation, grant, grammar);
  if (witness === undefined || select === undefined) return scope;
  const columns = relation.columns.map(({ name }) => name);
  const listed = scope.type === 'Bare' ? scopeOf(relation, { ...grant, select: { ...select, columns } }, grammar) : scope;
  return listed.type === 'Scoped' ? { ...listed, witness } : listed;
};

const scopeFor = ({ relation, access }: ResolvedRelation, basis: JudgeBasis, grammar: Grammar): Scope => {
  const { grants } = basis;
  if (access.type === 'Granted') {
    const grant = readable(access.granted, grants.mode);
    const isTraced = relation.definition !== undefined && [...grants.relations.values()].some((each) => !isWhole(each.grant));
    return isTraced ? viewScope(relation, grant, basis, grammar) : scopeOf(relation, grant, grammar);
  }
  return access.type === 'System' && access.system.type === 'Scoped' ? systemScope(relation, access.system) : { type: 'Bare', relation };
};

/** `scopes` remembers the scope of each relation, for as long as the basis is the same. */
export const judgeContext = (basis: JudgeBasis, tools: JudgeTools, scopes: Map<string, Scope>): JudgeContext => ({
  ...basis,
  grammar: tools.grammar,
  onFault: tools.onFault,
  estimate: tools.estimate,
  probe: async (scope) => (scope.type === 'Scoped' ? await tools.probe(probeOf(scope)) : undefined),
  freshScopes: (catalog) => judgeContext({ ...basis, catalog }, tools, new Map()).scopeOf,
  scopeOf: (resolved) => {
    const key = `${resolved.relation.oid}.${resolved.access.type}`;
    const scope = scopes.get(key) ?? scopeFor(resolved, basis, tools.grammar);
    scopes.set(key, scope);
    return scope;
  },
});
