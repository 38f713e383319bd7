/**
 * What one agent may do through one connection: its policies in force at a moment, merged.
 */
import {
  type AccessPolicy,
  type Bundle,
  type ConnectionKey,
  DETECTOR_ACTIONS,
  DETECTOR_KINDS,
  type Detector,
  type Limits,
  NO_LIMITS,
  type RelationGrant,
  type Rule,
  type SelectGrant,
} from '../../kernel/policy.ts';
import { relationKey } from '../catalog/catalog.ts';
import { holdsAt, steadyUntil } from './rules/time-window.ts';

/** What the relations that it shows, or is a part of, made of a grant. */
export type Narrowing = {
  /** Why nothing of it can be read or written. */
  readonly problem?: string;
  /** Columns of which the grant by itself would show more. */
  readonly columns: readonly NarrowedColumn[];
  /** Its rows are filtered like those that it shows. */
  readonly filtered: boolean;
};

/** `Masked`: like that which it shows. `Null`: no mask fits. `from`: what the column comes from. */
export type NarrowedColumn = { readonly column: string; readonly effect: 'Hidden' | 'Masked' | 'Null'; readonly from: string };

export type GrantedRelation = {
  readonly grant: RelationGrant;
  readonly policy: string;
  readonly narrowing?: Narrowing;
  /** In mode `Audit`: what of it is read, with the columns that are not granted. */
  readonly audited?: SelectGrant;
};

/** A detector and the key of the policy that has it. */
export type GrantedDetector = Detector & { readonly policy: string };

/** A rule and the key of its policy. */
export type GrantedRule = { readonly rule: Rule; readonly policy: string };

export type Grants = {
  readonly agent: string;
  readonly connection: ConnectionKey;
  /** `Audit` only where every policy in force says so. */
  readonly mode: 'Enforce' | 'Audit';
  readonly notices: 'Forward' | 'Withhold';
  readonly limits: Limits;
  readonly policies: readonly string[];
  readonly relations: ReadonlyMap<string, GrantedRelation>;
  /** Relations that two policies grant: neither counts, since which masks hold would be a guess. */
  readonly conflicts: ReadonlyMap<string, readonly string[]>;
  /** `relationKey` of functions. */
  readonly functions: ReadonlySet<string>;
  readonly extensions: ReadonlySet<string>;
  readonly settings: readonly string[];
  /** Schemas that hold something granted. */
  readonly schemas: ReadonlySet<string>;
  /** Those that hold at this time, in order, policy after policy. */
  readonly rules: readonly GrantedRule[];
  /** The grants of relations take account of what those show of each other. */
  readonly narrowed?: true;
  /** In mode `Audit`: relations that are not granted, and show what masks, row filters or conflicts keep. */
  readonly kept?: ReadonlySet<string>;
  /** One for each kind that is looked for, whichever policy grants the column. */
  readonly detect: readonly GrantedDetector[];
  /** The next moment at which a policy begins or ends, or may do so for a rule's part of the week; in milliseconds since the epoch. */
  readonly until: number;
};

const inForce = (policy: AccessPolicy, now: number): boolean =>
  (policy.notBefore === undefined || policy.notBefore.getTime() <= now) &&
  (policy.notAfter === undefined || now < policy.notAfter.getTime());

const least = (values: readonly (number | undefined)[]): number | undefined => {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
};

const LIMIT_NAMES = Object.keys(NO_LIMITS) as readonly (keyof Limits)[];

/** The strictest of each limit. */
const mergeLimits = (policies: readonly AccessPolicy[]): Limits =>
  Object.fromEntries(LIMIT_NAMES.map((name) => [name, least(policies.map((policy) => policy.limits[name]))])) as Limits;

const strictness = ({ action }: Detector): number => DETECTOR_ACTIONS.indexOf(action);

/** The strictest of each kind; of equals the first. In mode `Audit` nothing is refused, and masks hold. */
const mergeDetectors = (policies: readonly AccessPolicy[], mode: Grants['mode']): readonly GrantedDetector[] => {
  const all = policies.flatMap(({ detect, key }) =>
    detect.map(
      ({ kind, action }): GrantedDetector => ({ kind, action: mode === 'Audit' && action === 'Block' ? 'Report' : action, policy: key }),
    ),
  );
  return DETECTOR_KINDS.flatMap((kind) => {
    const [first, ...others] = all.filter((detector) => detector.kind === kind);
    return first === undefined ? [] : [others.reduce((most, next) => (strictness(next) > strictness(most) ? next : most), first)];
  });
};

/** The agent's grants, or undefined where no policy in force names it for this connection. `now` in milliseconds since the epoch. */
export const grantsFor = (bundle: Bundle, agent: string, connection: ConnectionKey, now: number): Grants | undefined => {
  const named = bundle.policies.filter(
    (policy) => policy.connection === connection && policy.agents.some((subject) => subject.agent === agent),
  );
  const policies = named.filter((policy) => inForce(policy, now));
  if (policies.length === 0) return undefined;
  const relations = new Map<string, GrantedRelation>();
  const conflicts = new Map<string, readonly string[]>();
  for (const policy of policies) {
    for (const grant of policy.relations) {
      const key = relationKey(grant.schema, grant.name);
      const other = relations.get(key);
      if (other === undefined) relations.set(key, { grant, policy: policy.key });
      else conflicts.set(key, [...(conflicts.get(key) ?? [other.policy]), policy.key]);
    }
  }
  for (const key of conflicts.keys()) relations.delete(key);
  const functions = policies.flatMap((policy) => policy.functions);
  const rules = policies.flatMap((policy) => policy.rules.map((rule): GrantedRule => ({ rule, policy: policy.key })));
  const windows = rules.flatMap(({ rule }) => rule.match.time ?? []);
  const edges = named
    .flatMap((policy) => [policy.notBefore?.getTime(), policy.notAfter?.getTime()])
    .filter((edge) => edge !== undefined && edge > now);
  const mode = policies.every((policy) => policy.mode === 'Audit') ? 'Audit' : 'Enforce';
  return {
    agent,
    connection,
    mode,
    notices: policies.some((policy) => policy.notices === 'Withhold') ? 'Withhold' : 'Forward',
    limits: mergeLimits(policies),
    policies: policies.map((policy) => policy.key),
    relations,
    conflicts,
    functions: new Set(functions.map((name) => relationKey(name.schema, name.name))),
    extensions: new Set(policies.flatMap((policy) => policy.extensions)),
    settings: policies.flatMap((policy) => policy.settings),
    schemas: new Set([...[...relations.values()].map(({ grant }) => grant.schema), ...functions.map((name) => name.schema)]),
    rules: rules.filter(({ rule: { match } }) => match.time === undefined || holdsAt(match.time, now)),
    detect: mergeDetectors(policies, mode),
    until: least([...edges, ...windows.map((window) => steadyUntil(window, now))]) ?? Number.POSITIVE_INFINITY,
  };
};
