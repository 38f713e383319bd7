/**
 * What `pg-airlock explain` tells, as one value: the answer of `--json`, and what is printed for people. Never holds a mask's key.
 */
import type { Failure } from '../kernel/failure.ts';
import type { Mask } from '../kernel/policy.ts';
import type { ExplainedRelation, ExplainedTarget, TextExplanation } from '../proxy/judge/explain-text.ts';
import type { Grants, NarrowedColumn } from '../proxy/policy/grants.ts';
import type { Judged } from '../proxy/policy/judgement.ts';
import { readableColumns } from '../proxy/policy/target-reads.ts';
import { givenColumns } from '../proxy/policy/checks/writes.ts';
import type { RuleVerdict } from '../proxy/policy/rules/rules.ts';
import { grantsYaml, type Suggestion } from './explain-suggestion.ts';

/** `line` and `column` count from 1, the column in characters. */
export type Place = { readonly line: number; readonly column: number };

export type ReportedRelation = {
  readonly name: string;
  /** As the statement has it. */
  readonly written: string;
  readonly at: Place;
  /** Which policy grants it, or why it is open without. */
  readonly granted: { readonly by: 'Policy'; readonly policy: string } | { readonly by: 'System' | 'AuditMode' };
  /** `AsItIs`: its name is written out with the schema. `Scoped`: a sub-select stands in its place. */
  readonly resolved: 'AsItIs' | 'Scoped' | 'Unusable';
  readonly columns: readonly string[];
  readonly masked: readonly { readonly column: string; readonly mask: string }[];
  readonly where: string | undefined;
  /** Columns of a view, a partition or a parent of which its own grant would show more. */
  readonly traced: readonly NarrowedColumn[];
};

/** A relation that the statement writes: it stands as it is, with its masks and its filter in the clauses that read it. */
export type ReportedTarget = {
  readonly name: string;
  readonly written: string;
  readonly at: Place;
  readonly command: string;
  readonly policy: string;
  /** Columns that it gives to new rows, and columns that it sets. */
  readonly inserts: readonly string[];
  readonly updates: readonly string[];
  readonly readable: readonly string[];
  readonly masked: ReportedRelation['masked'];
  readonly where: string | undefined;
};

export type ReportedReason = {
  readonly sqlstate: string;
  readonly code: string;
  readonly message: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  readonly at: Place | undefined;
};

/** The rule that decided, and those that decide while the statement runs. */
export type ReportedRules = {
  readonly decided: { readonly rule: string; readonly policy: string; readonly action: string; readonly fact: string } | undefined;
  /** As `rule large (Deny): more than 100 rows affected`. */
  readonly later: readonly string[];
};

type ReportedStatement = {
  readonly kind: string;
  readonly relations: readonly ReportedRelation[];
  readonly targets: readonly ReportedTarget[];
  readonly reasons: readonly ReportedReason[];
  readonly rules: ReportedRules;
};

export type Report = {
  readonly decision: Judged['decision'];
  readonly agent: string;
  readonly connection: string;
  readonly database: string;
  /** The database role that the statement would run as. */
  readonly role: string;
  readonly policies: readonly string[];
  /** As `PaymentCard (Mask)`: what is looked for in its result. */
  readonly detectors: readonly string[];
  readonly mode: Grants['mode'];
  readonly statements: readonly ReportedStatement[];
  /** Why the text could not be read, or is refused for more than its statements say. */
  readonly reasons: readonly ReportedReason[];
  /** Without keys, as the audit record has it. Undefined for a refusal. */
  readonly sent: string | undefined;
  /** `rest`: what refuses it with the grant in force, where that is not enough. */
  readonly grant: { readonly yaml: string; readonly enough: boolean; readonly rest: ReportedReason | undefined } | undefined;
};

type ReportInput = {
  readonly text: string;
  readonly judged: Judged;
  readonly explanation: TextExplanation;
  readonly grants: Grants;
  readonly database: string;
  readonly role: string;
  readonly suggestion: Suggestion | undefined;
};

/** Where the character at a 1-based position stands. */
const placeOf = (text: string, position: number): Place => {
  const before = Array.from(text).slice(0, position - 1);
  const lineEnd = before.lastIndexOf('\n');
  return { line: before.filter((character) => character === '\n').length + 1, column: before.length - lineEnd };
};

/** A mask in words, without its key. */
const maskText = (mask: Mask): string => {
  switch (mask.type) {
    case 'KeepFirst':
    case 'KeepLast':
      return `${mask.type} ${mask.characters}`;
    case 'Date':
      return `Date ${mask.precision}`;
    case 'Constant':
      return `Constant ${JSON.stringify(mask.value)}`;
    case 'Expression':
      return `Expression ${mask.expression}`;
    case 'Redact':
    case 'Null':
    case 'Email':
    case 'Hash':
      return mask.type;
  }
};

const RESOLVED = { Bare: 'AsItIs', Scoped: 'Scoped', Unusable: 'Unusable' } as const;

const relationOf = (text: string, { resolved, scope, position }: ExplainedRelation): ReportedRelation => {
  const { reference, relation, access } = resolved;
  const grant = access.type === 'Granted' ? access.granted.grant : undefined;
  const columns = scope.type === 'Scoped' ? scope.columns : relation.columns.map((column) => column.name);
  const masks = grant?.select?.masks ?? [];
  const masked = new Set(masks.map((entry) => entry.column));
  return {
    name: `${relation.schema}.${relation.name}`,
    written: writtenName(reference),
    at: placeOf(text, position),
    granted:
      access.type === 'Granted'
        ? { by: 'Policy', policy: access.granted.policy }
        : { by: access.type === 'System' ? 'System' : 'AuditMode' },
    resolved: RESOLVED[scope.type],
    columns: scope.type === 'Unusable' ? [] : columns.filter((column) => !masked.has(column)),
    masked: masks.map((entry) => ({ column: entry.column, mask: maskText(entry.mask) })),
    traced: access.type === 'Granted' ? (access.granted.narrowing?.columns ?? []) : [],
    where: grant?.where ?? (access.type === 'System' && access.system.type === 'Scoped' ? access.system.where : undefined),
  };
};

const writtenName = ({ schema, name }: { readonly schema: string | undefined; readonly name: string }): string =>
  schema === undefined ? name : `${schema}.${name}`;

const targetOf = (text: string, { target, position }: ExplainedTarget): ReportedTarget => {
  const { write, relation, granted } = target;
  const masks = granted.grant.select?.masks ?? [];
  const masked = new Set(masks.map(({ column }) => column));
  return {
    name: `${relation.schema}.${relation.name}`,
    written: writtenName(write.reference),
    at: placeOf(text, position),
    command: write.command === 'CopyIn' ? 'Copy' : write.command,
    policy: granted.policy,
    inserts: [...new Set(write.inserts.flatMap((given) => givenColumns(given, relation)))],
    updates: [...new Set(write.updates.map(({ column }) => column))],
    readable: readableColumns(target).filter((column) => !masked.has(column)),
    masked: masks.map((entry) => ({ column: entry.column, mask: maskText(entry.mask) })),
    where: granted.grant.where,
  };
};

const reasonOf = (text: string, { fields }: Failure, position: number | undefined): ReportedReason => ({
  sqlstate: fields.sqlstate,
  code: fields.code,
  message: fields.message,
  detail: fields.detail,
  hint: fields.hint,
  at: position === undefined ? undefined : placeOf(text, position),
});

const COUNTED = { RowsReturned: 'rows returned', BytesReturned: 'bytes returned', RowsAffected: 'rows affected' } as const;

const rulesOf = ({ decisive, watches, estimates }: RuleVerdict): ReportedRules => ({
  decided: decisive,
  later: [
    ...watches.map(({ rule, action, over, counts }) => `while it runs: rule ${rule} (${action}): more than ${over} ${COUNTED[counts]}`),
    ...estimates.map(
      ({ rule, action, over }) => `before it runs: rule ${rule} (${action}): more than ${over} rows expected by the planner`,
    ),
  ],
});

/** Puts the answer together. Pure. */
export const reportOf = ({ text, judged, explanation, grants, database, role, suggestion }: ReportInput): Report => {
  const statements = explanation.statements.map(({ analysis, relations, targets, reasons, rules }) => ({
    kind: analysis.kind,
    relations: relations.map((relation) => relationOf(text, relation)),
    targets: targets.map((target) => targetOf(text, target)),
    reasons: reasons.map(({ failure, position }) => reasonOf(text, failure, position)),
    rules: rulesOf(rules),
  }));
  const told = new Set(statements.flatMap(({ reasons }) => reasons.map(({ code, message }) => `${code} ${message}`)));
  const own = judged.decision === 'Deny' ? [judged.failure] : [];
  const rest = [...own, ...(explanation.failure === undefined ? [] : [explanation.failure])];
  const untold = new Map(rest.map((failure) => [`${failure.fields.code} ${failure.message}`, failure]));
  return {
    decision: judged.decision,
    agent: grants.agent,
    connection: grants.connection,
    database,
    role,
    policies: grants.policies,
    detectors: grants.detect.map(({ kind, action }) => `${kind} (${action})`),
    mode: grants.mode,
    statements,
    reasons: [...untold].filter(([key]) => !told.has(key)).map(([, failure]) => reasonOf(text, failure, failure.fields.position)),
    // INVARIANT: never `judged.sent`, which holds the keys of masks.
    sent: judged.decision === 'Deny' ? undefined : (judged.recorded ?? text),
    grant: suggestion && {
      yaml: grantsYaml(suggestion.grants),
      enough: suggestion.enough,
      rest: suggestion.rest && reasonOf(text, suggestion.rest, suggestion.rest.fields.position),
    },
  };
};
