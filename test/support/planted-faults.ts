/**
 * Documents that break one CEL rule of a CRD each: for the kernel's validator and for the API server's.
 */
import type { CrdKind } from '../../kernel/generated/crd-schemas.ts';

/** A document of a kind, as YAML, that says what it must and, in one line, what is wanted. */
export const documentOf = (kind: CrdKind, spec: string): string => {
  const required =
    kind === 'DatabaseConnection'
      ? '{ host: a, database: b, credentials: { secretRef: { name: c } } }'
      : '{ connectionRef: { name: a }, subjects: [{ agent: { name: b } }] }';
  // What the planted fault sets wins over what every document needs.
  return `apiVersion: pg-airlock.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: a }\nspec:\n  <<: ${required}\n  ${spec}\n`;
};

const mask = (text: string): string => `relations: [{ name: a.b, select: { masks: [{ column: c, mask: ${text} }] } }]`;
const rule = (text: string): string => `rules: [{ name: a, action: Deny, match: { rowsReturnedOver: 1 }, ${text} }]`;
const match = (text: string): string => `rules: [{ name: a, action: Deny, match: ${text} }]`;
const VALUES = 'values belongs to operator In and NotIn, and only to them. Add values, or remove it for Exists and DoesNotExist.';
const TIME = 'must be at least 1ms and at most 596h. Choose a time in between, or leave the field out for no limit.';
const WAIT = 'must be at least 1ms and at most 596h. Choose a time in between.';
const SETTING = 'changes who acts or how statements are read, and cannot be granted. Remove it.';
const STAR = '"*" stands for every column. Remove it, or remove the others.';

/** For each place with a rule: documents that break it, and what is said. */
export const PLANTED: Readonly<Record<CrdKind, readonly (readonly [place: string, spec: string, said: string])[]>> = {
  DatabaseConnection: [
    [
      'spec.tls',
      'tls: { mode: VerifyCA }',
      'spec.tls: mode VerifyCA needs caSecretRef, for any server could have a certificate of a public authority. Set caSecretRef, or use VerifyFull.',
    ],
    [
      'spec.tls',
      'tls: { mode: Require, caSecretRef: { name: a } }',
      'spec.tls: caSecretRef has no effect in mode Require or Disable. Use VerifyFull or VerifyCA, or remove caSecretRef.',
    ],
    [
      'spec.credentials.secretRef',
      'credentials: { secretRef: { name: a, usernameKey: password } }',
      'spec.credentials.secretRef: usernameKey and passwordKey are the same key, and the user name would be the password. Name two keys.',
    ],
    [
      'spec.allowedNamespaces.matchExpressions[]',
      'allowedNamespaces: { matchExpressions: [{ key: a, operator: In }] }',
      `spec.allowedNamespaces.matchExpressions[0]: ${VALUES}`,
    ],
  ],
  DatabaseAccessPolicy: [
    [
      'spec.subjects[].pod.matchExpressions[]',
      'subjects: [{ pod: { matchExpressions: [{ key: a, operator: Exists, values: [b] }] } }]',
      `spec.subjects[0].pod.matchExpressions[0]: ${VALUES}`,
    ],
    [
      'spec.subjects[]',
      'subjects: [{}]',
      'spec.subjects[0]: says nothing, and would match everyone. Set agent, pod, serviceAccount or token.',
    ],
    [
      'spec.validity',
      "validity: { notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-01-01T00:00:00Z' }",
      'spec.validity: notBefore must be earlier than notAfter, or the policy would never be in force. Correct one of them.',
    ],
    [
      'spec.relations[]',
      'relations: [{ name: a.b }]',
      'spec.relations[0]: grants nothing. Set select, insert, update or delete, or remove the relation.',
    ],
    [
      'spec.relations[].select',
      'relations: [{ name: a.b, select: {} }]',
      'spec.relations[0].select: shows no column. Set columns, masks or both, or remove select.',
    ],
    [
      'spec.relations[].select.columns',
      "relations: [{ name: a.b, select: { columns: ['*', a] } }]",
      `spec.relations[0].select.columns: ${STAR}`,
    ],
    [
      'spec.relations[].insert.columns',
      "relations: [{ name: a.b, insert: { columns: [a, '*'] } }]",
      `spec.relations[0].insert.columns: ${STAR}`,
    ],
    [
      'spec.relations[].update.columns',
      "relations: [{ name: a.b, update: { columns: ['*', a] } }]",
      `spec.relations[0].update.columns: ${STAR}`,
    ],
    ...(
      [
        ['KeepLast', '{ type: KeepLast }'],
        ['KeepFirst', '{ type: Redact, keepFirst: { characters: 1 } }'],
        ['Hash', '{ type: Hash }'],
        ['Date', '{ type: Date }'],
        ['Constant', '{ type: Constant }'],
        ['Expression', "{ type: Email, expression: { sql: 'null' } }"],
      ] as const
    ).map(([type, text]) => {
      const field = `${type.charAt(0).toLowerCase()}${type.slice(1)}`;
      return [
        'spec.relations[].select.masks[].mask',
        mask(text),
        `spec.relations[0].select.masks[0].mask: ${field} belongs to type ${type}, and only to it. Write both, or neither.`,
      ] as const;
    }),
    ['spec.settings[]', 'settings: [session_replication_role]', `spec.settings[0]: ${SETTING}`],
    [
      'spec.rules[].match',
      match('{ withoutWhere: false }'),
      'spec.rules[0].match: would match every statement. Say what it is about, as by statements, relations or rowsReturnedOver.',
    ],
    [
      'spec.rules[].match',
      match('{ withoutWhere: true, statements: [Insert, Update] }'),
      'spec.rules[0].match: withoutWhere is about Select, Update, Delete, Merge and CopyTo, for no other command has a WHERE clause. Remove the others from statements.',
    ],
    [
      'spec.rules[].match',
      match('{ rowsReturnedOver: 1, bytesReturnedOver: 1k }'),
      'spec.rules[0].match: counts several things at once. Make a rule for each of rowsEstimatedOver, rowsReturnedOver, bytesReturnedOver and rowsAffectedOver.',
    ],
    [
      'spec.rules[].match',
      match('{ withoutKey: true, statements: [Insert] }'),
      'spec.rules[0].match: withoutKey is about Select, Update, Delete and Merge. Remove the others from statements.',
    ],
    [
      'spec.rules[].match',
      match('{ upsert: true, statements: [Update] }'),
      'spec.rules[0].match: fromQuery and upsert are about Insert. Add it to statements.',
    ],
    [
      'spec.rules[].match',
      match('{ objects: [Table], statements: [Select] }'),
      'spec.rules[0].match: objects is about Create, Alter, Drop, Comment, Reindex and Refresh. Remove the others from statements.',
    ],
    [
      'spec.rules[].match.time',
      match("{ time: { days: [Mon], from: '10:00' } }"),
      'spec.rules[0].match.time: from and to belong together. Write both, or neither.',
    ],
    [
      'spec.rules[].match.time',
      match("{ time: { from: '10:00', to: '10:00' } }"),
      'spec.rules[0].match.time: from and to are the same, and the window would be empty. Correct one of them, or leave both out for the whole day.',
    ],
    ['spec.rules[].match.time', match('{ time: {} }'), 'spec.rules[0].match.time: is the whole week. Set days, or from and to.'],
    [
      'spec.rules[].match.bytesReturnedOver',
      match('{ bytesReturnedOver: 0 }'),
      'spec.rules[0].match.bytesReturnedOver: must be at least 1. Set a size.',
    ],
    [
      'spec.rules[]',
      'rules: [{ name: a, action: Allow, match: { statements: [Create, Select], schemas: [a] } }]',
      'spec.rules[0]: Allow opens only Create, Alter, Drop, Comment, Truncate, Vacuum, Analyze, Reindex, Cluster, Refresh and Lock, for the rest is granted by relations and functions. Name those in statements, and no other.',
    ],
    [
      'spec.rules[]',
      'rules: [{ name: a, action: Allow, match: { statements: [Create] } }]',
      'spec.rules[0]: Allow without a place would open the whole database. Set match.schemas or match.relations.',
    ],
    [
      'spec.rules[]',
      'rules: [{ name: a, action: Allow, match: { statements: [Create], schemas: [a], rowsAffectedOver: 1 } }]',
      'spec.rules[0]: Allow looks at statements, objects, schemas, relations and time alone. Remove the other conditions.',
    ],
    [
      'spec.rules[]',
      rule('approval: { approvers: [{ group: a }] }'),
      'spec.rules[0]: approval belongs to action RequireApproval, and only to it. Write both, or neither.',
    ],
    [
      'spec.rules[].approval.approvers[]',
      'rules: [{ name: a, match: { rowsReturnedOver: 1 }, action: RequireApproval, approval: { approvers: [{ group: a, user: b }] } }]',
      'spec.rules[0].approval.approvers[0]: is either a group or a user. Set exactly one of them.',
    ],
    ...['waitFor', 'validFor'].map(
      (field) =>
        [
          `spec.rules[].approval.${field}`,
          `rules: [{ name: a, match: { rowsReturnedOver: 1 }, action: RequireApproval, approval: { approvers: [{ user: b }], ${field}: 0s } }]`,
          `spec.rules[0].approval.${field}: ${WAIT}`,
        ] as const,
    ),
    [
      'spec.limits.bytesPerStatement',
      'limits: { bytesPerStatement: 0 }',
      'spec.limits.bytesPerStatement: must be at least 1. Set a size, or leave the field out for no limit.',
    ],
    [
      'spec.limits.memoryPerSession',
      'limits: { memoryPerSession: 0 }',
      'spec.limits.memoryPerSession: must be at least 1. Set a size, or leave the field out for no limit.',
    ],
    ['spec.limits.transactionTimeout', 'limits: { transactionTimeout: 597h }', `spec.limits.transactionTimeout: ${TIME}`],
    ['spec.limits.statementTimeout', 'limits: { statementTimeout: 597h }', `spec.limits.statementTimeout: ${TIME}`],
    ['spec.limits.idleTimeout', 'limits: { idleTimeout: 0ms }', `spec.limits.idleTimeout: ${TIME}`],
    ['spec.limits.sessionDuration', 'limits: { sessionDuration: 0h0m }', `spec.limits.sessionDuration: ${TIME}`],
  ],
};
