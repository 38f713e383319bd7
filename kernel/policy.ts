/**
 * What a policy means once it has been parsed and validated: the vocabulary that the proxy decides with.
 * Built from `DatabaseAccessPolicy`, `DatabaseConnection` and `Secret` manifests by `kernel/manifest/`.
 */

export type SecretBytes = Uint8Array;

/** `namespace/name` of a DatabaseConnection. */
export type ConnectionKey = string;

export type Mask =
  | { readonly type: 'Redact' }
  | { readonly type: 'Null' }
  | { readonly type: 'KeepLast'; readonly characters: number }
  | { readonly type: 'KeepFirst'; readonly characters: number }
  | { readonly type: 'Email' }
  | { readonly type: 'Hash'; readonly key: SecretBytes }
  | { readonly type: 'Date'; readonly precision: DatePrecision }
  | { readonly type: 'Constant'; readonly value: string }
  | { readonly type: 'Expression'; readonly expression: string };

export type DatePrecision = 'Year' | 'Quarter' | 'Month' | 'Week' | 'Day' | 'Hour';

export type ColumnMask = { readonly column: string; readonly mask: Mask };

/** `'*'` means every column, also one that is added later. */
export type ColumnList = '*' | readonly string[];

export type SelectGrant = {
  /** Columns visible as they are. Masked columns need not be repeated here. */
  readonly columns: ColumnList;
  readonly masks: readonly ColumnMask[];
};

export type RelationGrant = {
  readonly schema: string;
  readonly name: string;
  readonly select: SelectGrant | undefined;
  readonly insert: { readonly columns: ColumnList } | undefined;
  readonly update: { readonly columns: ColumnList } | undefined;
  readonly delete: boolean;
  /** Hidden columns that a constraint may compare with what is written: see `telling.ts`. */
  readonly guessable?: readonly string[];
  /** The row filter: an SQL boolean expression over the relation's columns, for every operation. */
  readonly where: string | undefined;
  /** `Ignore`: masks, hidden columns and row filters of the relations that this one shows do not hold here. */
  readonly beneath?: 'Ignore';
};

/** As a policy and SQL call the schema of a session's temporary relations. */
export const TEMPORARY_SCHEMA = 'pg_temp';

export type QualifiedName = { readonly schema: string; readonly name: string };

export type Limits = {
  /** Milliseconds one statement may run; enforced by the server, and by the proxy where the server does not come to it. */
  readonly statementTimeout: number | undefined;
  /** Milliseconds from the first statement of a transaction to its end. */
  readonly transactionTimeout: number | undefined;
  readonly idleTimeout: number | undefined;
  readonly sessionDuration: number | undefined;
  readonly rowsPerStatement: number | undefined;
  readonly bytesPerStatement: number | undefined;
  readonly statementsPerMinute: number | undefined;
  readonly sessions: number | undefined;
  /** Bytes that the proxy may hold for one session. */
  readonly memoryPerSession: number | undefined;
  /** Writes that tell of hidden rows and values by a constraint; undefined: `PROBES`. */
  readonly probesPerSession?: number | undefined;
  readonly probesPerHour?: number | undefined;
};

/** Probes where no policy says how many. */
export const PROBES = { probesPerSession: 20, probesPerHour: 60 } as const;

export const NO_LIMITS: Limits = {
  statementTimeout: undefined,
  transactionTimeout: undefined,
  idleTimeout: undefined,
  sessionDuration: undefined,
  rowsPerStatement: undefined,
  bytesPerStatement: undefined,
  statementsPerMinute: undefined,
  sessions: undefined,
  memoryPerSession: undefined,
  probesPerSession: undefined,
  probesPerHour: undefined,
};

/** What a rule is about: all that is said must hold. */
export type RuleMatch = {
  /** Statement kinds, as in the CRD: `Select`, `Update`, ... */
  readonly statements: readonly string[] | undefined;
  /** Kinds of what is created, altered or dropped, as in the CRD: `Table`, `Index`, ... */
  readonly objects?: readonly string[] | undefined;
  readonly relations: readonly QualifiedName[] | undefined;
  /** The schema of a relation or other object that the statement names or makes. */
  readonly schemas?: readonly string[] | undefined;
  readonly functions?: readonly QualifiedName[] | undefined;
  /** Columns that the statement names: read, assigned, or by a star. */
  readonly columns?: readonly { readonly relation: QualifiedName; readonly column: string }[] | undefined;
  /** No WHERE, or one that is always true: a constant, a column compared with itself. */
  readonly withoutWhere: boolean | undefined;
  /** The WHERE does not hold the primary key to a constant or a short list of constants. */
  readonly withoutKey?: boolean | undefined;
  /** INSERT takes its rows from a query other than VALUES. */
  readonly fromQuery?: boolean | undefined;
  /** INSERT ... ON CONFLICT DO UPDATE. */
  readonly upsert?: boolean | undefined;
  readonly time?: TimeWindow | undefined;
  /** At most one of these four: they are known when the statement is planned, or while it runs. */
  readonly rowsEstimatedOver?: number | undefined;
  readonly rowsReturnedOver: number | undefined;
  readonly bytesReturnedOver?: number | undefined;
  readonly rowsAffectedOver?: number | undefined;
};

/** A part of the week. `from` later than `to`: over midnight. */
export type TimeWindow = {
  /** IANA name, as `Europe/Berlin`. */
  readonly timeZone: string;
  /** `Mon` to `Sun`, on which it begins; undefined: every day. */
  readonly days: readonly string[] | undefined;
  /** Minutes since midnight; undefined: the whole day. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** True: the rule holds outside of the window. */
  readonly outside: boolean;
};

/** Who may decide on a statement that is held, and for how long. Milliseconds. */
export type Approval = {
  readonly approvers: readonly { readonly type: 'Group' | 'User'; readonly name: string }[];
  readonly waitFor: number;
  readonly validFor: number;
};

export type RuleAction = 'Deny' | 'Audit' | 'RequireApproval' | 'Allow';

export type Rule = {
  readonly name: string;
  readonly match: RuleMatch;
  /** `Allow` opens statements that no grant can open, as DDL. */
  readonly action: RuleAction;
  /** Given exactly when the action is `RequireApproval`. */
  readonly approval?: Approval | undefined;
};

/** What is looked for in values, whatever their column. */
export const DETECTOR_KINDS = [
  'PaymentCard',
  'SocialSecurityNumber',
  'Iban',
  'EmailAddress',
  'PhoneNumber',
  'IpAddress',
  'JsonWebToken',
  'AccessKey',
  'PrivateKey',
] as const;

export type DetectorKind = (typeof DETECTOR_KINDS)[number];

/** From the mildest to the strictest: marks the record, hides the value, ends the statement. */
export const DETECTOR_ACTIONS = ['Report', 'Mask', 'Block'] as const;

export type DetectorAction = (typeof DETECTOR_ACTIONS)[number];

export type Detector = { readonly kind: DetectorKind; readonly action: DetectorAction };

/** A name and password that an agent logs in with. */
export type PasswordSubject = {
  readonly agent: string;
  readonly password: SecretBytes | undefined;
};

export type AccessPolicy = {
  /** `namespace/name`. */
  readonly key: string;
  readonly connection: ConnectionKey;
  readonly mode: 'Enforce' | 'Audit';
  readonly agents: readonly PasswordSubject[];
  readonly notBefore: Date | undefined;
  readonly notAfter: Date | undefined;
  readonly relations: readonly RelationGrant[];
  readonly functions: readonly QualifiedName[];
  readonly extensions: readonly string[];
  readonly settings: readonly string[];
  readonly rules: readonly Rule[];
  readonly detect: readonly Detector[];
  readonly limits: Limits;
  readonly notices: 'Forward' | 'Withhold';
};

export type TlsMode = 'Disable' | 'Require' | 'VerifyCA' | 'VerifyFull';

export type Connection = {
  readonly key: ConnectionKey;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly tls: { readonly mode: TlsMode; readonly ca: string | undefined };
  readonly username: string;
  readonly password: SecretBytes | undefined;
  readonly auditDurability: 'Fsync' | 'Write';
};

/**
 * Everything the proxy decides with, as one immutable value. A change of any manifest makes a new bundle.
 */
export type Bundle = {
  /** Hex digest of the content: equal content, equal revision. */
  readonly revision: string;
  readonly connections: ReadonlyMap<ConnectionKey, Connection>;
  readonly policies: readonly AccessPolicy[];
};
