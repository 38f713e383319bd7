/**
 * Finds the smallest grant that lets a refused text through, and makes sure of it: the text is judged again with the grant in force.
 */
import { stringify } from 'yaml';
import type { AccessPolicy, Bundle, RelationGrant } from '../kernel/policy.ts';
import type { Failure } from '../kernel/failure.ts';
import { explainText } from '../proxy/judge/explain-text.ts';
import type { AgentJudge } from '../proxy/judge/judge.ts';
import type { SessionState } from '../proxy/policy/judgement.ts';
import { keyOf, type MissingGrant, missingGrants } from './explain-grant.ts';
import { type MissingRule, ruleName, ruleOf } from './explain-rule.ts';

export type Suggestion = {
  readonly grants: readonly MissingGrant[];
  /** With the grants the text is allowed; otherwise something else stands against it as well. */
  readonly enough: boolean;
  /** What that is. */
  readonly rest: Failure | undefined;
};

/** A text can name more once it may name something at all: a few rounds find everything. */
const ROUNDS = 5;

const sameRelation = (
  grant: { readonly schema: string; readonly name: string },
  other: { readonly schema: string; readonly name: string },
) => grant.schema === other.schema && grant.name === other.name;

type MissingRelation = Extract<MissingGrant, { readonly type: 'Relation' }>;

const grantWith = (grant: RelationGrant, { select, insert, update, delete: deletes }: MissingRelation): RelationGrant => ({
  ...grant,
  select: select === undefined ? grant.select : { columns: select, masks: grant.select?.masks ?? [] },
  insert: insert === undefined ? grant.insert : { columns: insert },
  update: update === undefined ? grant.update : { columns: update },
  delete: grant.delete || deletes,
});

const relationsWith = (relations: readonly RelationGrant[], missing: MissingRelation): RelationGrant[] => {
  if (relations.some((grant) => sameRelation(grant, missing))) {
    return relations.map((grant) => (sameRelation(grant, missing) ? grantWith(grant, missing) : grant));
  }
  const { schema, name } = missing;
  const nothing = { schema, name, select: undefined, insert: undefined, update: undefined, delete: false, where: undefined };
  return [...relations, grantWith(nothing, missing)];
};

/** The policy with what is missing. */
const policyWith = (policy: AccessPolicy, missing: MissingGrant): AccessPolicy => {
  switch (missing.type) {
    case 'Relation':
      return { ...policy, relations: relationsWith(policy.relations, missing) };
    case 'Function':
      return { ...policy, functions: [...policy.functions, { schema: missing.schema, name: missing.name }] };
    case 'Extension':
      return { ...policy, extensions: [...policy.extensions, missing.name] };
    case 'Rule':
      return { ...policy, rules: [...policy.rules, ruleOf(missing)] };
  }
};

/** The bundle with each grant added to the policy that it belongs to, or else to `policyKey`. */
const bundleWith = (bundle: Bundle, missing: readonly MissingGrant[], policyKey: string, revision: string): Bundle => ({
  ...bundle,
  revision,
  policies: bundle.policies.map((policy) =>
    missing
      .filter((grant) => ((grant.type === 'Relation' ? grant.policy : undefined) ?? policyKey) === policy.key)
      .reduce(policyWith, policy),
  ),
});

/** A later round knows of the earlier one's grants: what it lists has their columns too. */
const later = (before: MissingRelation, more: MissingRelation): MissingRelation => ({
  ...more,
  select: more.select ?? before.select,
  insert: more.insert ?? before.insert,
  update: more.update ?? before.update,
  delete: more.delete || before.delete,
  policy: before.policy,
});

/** The grants of all rounds, each with the policy that really has it. */
const merged = (earlier: readonly MissingGrant[], more: readonly MissingGrant[]): readonly MissingGrant[] => {
  const all = new Map(earlier.map((grant) => [keyOf(grant), grant]));
  for (const grant of more) {
    const before = all.get(keyOf(grant));
    const both = grant.type === 'Relation' && before?.type === 'Relation';
    all.set(keyOf(grant), both ? later(before, grant) : grant);
  }
  return [...all.values()];
};

/** What would have to be granted for the text; undefined where no grant would help. `judgeOf` makes a judge for another bundle. */
export const suggestion = async (
  bytes: Buffer,
  state: SessionState,
  bundle: Bundle,
  judgeOf: (bundle: Bundle) => AgentJudge,
): Promise<Suggestion | undefined> => {
  let grants: readonly MissingGrant[] = [];
  let current = bundle;
  for (let round = 0; round <= ROUNDS; round++) {
    const judge = judgeOf(current);
    const context = judge.context();
    if (context === undefined) return undefined;
    if (round > 0 && (await judge.judge(bytes, 'Query', state)).decision === 'Allow') return { grants, enough: true, rest: undefined };
    const { statements } = await explainText(bytes, state, context);
    const { searchPath } = state;
    const more = missingGrants(statements, { catalog: context.catalog, grants: context.grants, searchPath });
    if (more.length === 0) break;
    grants = merged(grants, more);
    current = bundleWith(bundle, grants, context.grants.policies[0] ?? '', `${bundle.revision}+${round}`);
  }
  if (grants.length === 0) return undefined;
  const judged = await judgeOf(current).judge(bytes, 'Query', state);
  return { grants, enough: false, rest: judged.decision === 'Deny' ? judged.failure : undefined };
};

/** A name as a manifest has it: SQL's quotes where it needs them, within YAML's. */
const written = (...parts: readonly string[]): string =>
  stringify(parts.map((part) => (/^[a-z_][a-z0-9_$]*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`)).join('.'), {
    lineWidth: 0,
  }).trimEnd();

const caution = (text: string | undefined): string => (text === undefined ? '' : ` # caution: ${text}`);

const relationYaml = ({
  schema,
  name,
  select,
  insert,
  update,
  delete: deletes,
  policy,
  caution: why,
}: MissingRelation): readonly string[] => {
  const list = (operation: string, columns: readonly string[] | undefined): readonly (readonly string[])[] =>
    columns === undefined ? [] : [[`      ${operation}:`, `        columns: [${columns.map((column) => written(column)).join(', ')}]`]];
  const rights = [
    ...list('select', select),
    ...list('insert', insert),
    ...list('update', update),
    ...(deletes ? [['      delete: {}']] : []),
  ];
  const [first = '', ...rest] = rights.flat();
  const within = policy === undefined ? '' : ` # in ${policy}; its masks and its where stay`;
  return [`    - name: ${written(schema, name)}${caution(why)}`, `${first}${within}`, ...rest];
};

const ruleYaml = (rule: MissingRule, index: number, all: readonly MissingRule[]): readonly string[] => {
  const { statement, objects, relations, schemas } = rule;
  const number = all.slice(0, index).filter((other) => ruleName(other) === ruleName(rule)).length;
  const places =
    relations.length === 0
      ? `schemas: [${schemas.map((schema) => written(schema)).join(', ')}]`
      : `relations: [${relations.map(({ schema, name }) => written(schema, name)).join(', ')}]`;
  return [
    `    - name: ${ruleName(rule)}${number === 0 ? '' : `-${number + 1}`}`,
    `      match: { statements: [${statement}], objects: [${objects.join(', ')}], ${places} }`,
    '      action: Allow',
  ];
};

/** The grants as they stand in a DatabaseAccessPolicy. */
export const grantsYaml = (grants: readonly MissingGrant[]): string => {
  const relations = grants.filter((grant) => grant.type === 'Relation');
  const rules = grants.filter((grant) => grant.type === 'Rule');
  const functions = grants.filter((grant) => grant.type === 'Function');
  const extensions = grants.filter((grant) => grant.type === 'Extension');
  const lines = [
    'spec:',
    ...(relations.length === 0 ? [] : ['  relations:']),
    ...relations.flatMap(relationYaml),
    ...(functions.length === 0 ? [] : ['  functions:']),
    ...functions.map(({ schema, name, caution: why }) => `    - name: ${written(schema, name)}${caution(why)}`),
    ...(extensions.length === 0 ? [] : [`  extensions: [${extensions.map(({ name }) => stringify(name).trimEnd()).join(', ')}]`]),
    ...(rules.length === 0 ? [] : ['  rules:']),
    ...rules.flatMap(ruleYaml),
  ];
  return `${lines.join('\n')}\n`;
};
