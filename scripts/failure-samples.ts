/**
 * One sample of every named failure of kernel/failure.ts, policy-failure.ts and limit-failure.ts, for docs/errors.md and for the check of its wording.
 */
import * as base from '../kernel/failure.ts';
import * as limit from '../kernel/limit-failure.ts';
import * as policy from '../kernel/policy-failure.ts';
import { SQLSTATE } from '../kernel/sqlstate.ts';

const failures = { ...base, ...limit, ...policy };

/** Exports that make a failure; `at` and `because` only add to one. */
type FailureName = Exclude<
  {
    [Name in keyof typeof failures]: (typeof failures)[Name] extends (...args: never[]) => base.Failure ? Name : never;
  }[keyof typeof failures],
  'at' | 'because'
>;

export type FailureSample = base.FailureFields & { readonly name: FailureName; readonly when: 'Connecting' | 'Session' | 'Statement' };

const READABLE = ['public.customers', 'public.orders'];

/** What the session meets on its way in. A failure without a sample does not compile. */
const CONNECTING = {
  authenticationFailed: () => failures.authenticationFailed('reporting-agent'),
  noIdentity: () =>
    failures.noIdentity(
      'The SCRAM channel binding check failed.',
      'Something between the client and pg-airlock ends TLS: connect directly.',
    ),
  databaseUnknown: () => failures.databaseUnknown('warehouse', ['shop']),
  connectionUnavailable: () => failures.connectionUnavailable('data/shop'),
  startupOptionRefused: () => failures.startupOptionRefused('role', 'The DatabaseConnection decides it.'),
  replicationRefused: () => failures.replicationRefused(),
  protocolUnsupported: () => failures.protocolUnsupported(2, 0),
  encodingRefused: () => failures.encodingRefused('LATIN1'),
  tlsRequired: () => failures.tlsRequired(),
  notReady: () => failures.notReady('The catalog of the database has not been read yet.'),
  operatorLost: () => failures.operatorLost(300),
  accessRevoked: () => failures.accessRevoked('The pod has no label pg-airlock.dev/agent=true any more.'),
  tooManySessions: () => failures.tooManySessions(10),
  tooManyConnections: () => failures.tooManyConnections(200),
  upstreamUnreachable: () => failures.upstreamUnreachable('The connection was refused.'),
  upstreamCredentialsRefused: () => failures.upstreamCredentialsRefused(),
  upstreamRefused: () => failures.upstreamRefused(SQLSTATE.tooManyConnections, 'sorry, too many clients already'),
} as const;

const SESSION = {
  protocolViolation: () => failures.protocolViolation('invalid message length'),
  messageTooLarge: () => failures.messageTooLarge(20_000_000, 16_777_216),
  upstreamLost: () => failures.upstreamLost(),
  upstreamProtocolViolation: () => failures.upstreamProtocolViolation('The start of the session does not end.'),
  serverSettingUnsafe: () => failures.serverSettingUnsafe('standard_conforming_strings', 'off'),
  sessionRevoked: () => failures.sessionRevoked('No policy in force names this agent any more.'),
  idleTooLong: () => failures.idleTooLong(600_000),
  sessionTooLong: () => failures.sessionTooLong(28_800_000),
  transactionTooLong: () => failures.transactionTooLong(60_000),
  clientNotReading: () => failures.clientNotReading(300_000),
  shuttingDown: () => failures.shuttingDown(),
} as const;

const STATEMENT = {
  relationRefused: () => failures.relationRefused('secrets', READABLE),
  relationUnknown: () => failures.relationUnknown('custmers'),
  columnRefused: () => failures.columnRefused('phone', 'public.customers', ['id', 'name', 'city']),
  functionRefused: () => failures.functionRefused('pg_read_file', 'It reads relations or files by name, or runs a text as a query.'),
  functionUnknown: () => failures.functionUnknown('uper'),
  operatorRefused: () => failures.operatorRefused('public.===', 'It may call function public.same, which no policy in force names.'),
  statementRefused: () => failures.statementRefused('DROP TABLE', 'Only reading is allowed: use SELECT.'),
  ruleRefused: () =>
    failures.ruleRefused(
      'no-mass-change',
      'agents/reporting',
      'The UPDATE has no WHERE clause.',
      'Add a WHERE clause that names the rows that are meant.',
    ),
  approvalRequired: () => failures.approvalRequired('large-change', 'agents/reporting', 'The DELETE affected more than 100 rows.'),
  definitionUnopened: () => failures.definitionUnopened('DROP TABLE', 'public.customers'),
  definitionRefused: () =>
    failures.definitionRefused(
      'rename or move',
      'public.customers',
      'The policy hides a part of it, or of what it shows: as it is defined now, that stays hidden.',
      'Grant the relation whole in the policy, or leave this to the owner of the database.',
    ),
  writeRefused: () => failures.writeRefused('insert', 'public.customers', ['public.orders']),
  comparisonRefused: () => failures.comparisonRefused('discount', 'price', 'Constraint "discount_check" compares it with', 'public.items'),
  conflictsUncounted: () => failures.conflictsUncounted('public.customers'),
  columnWriteRefused: () => failures.columnWriteRefused('update', 'amount', 'public.orders', ['status']),
  rowFilterViolated: () => failures.rowFilterViolated('public.orders'),
  columnUncertain: () => failures.columnUncertain('ssn', 'public.customers'),
  wholeRowRefused: () => failures.wholeRowRefused('public.customers', ['id', 'name']),
  valueDetected: () => failures.valueDetected('PaymentCard', 'note', 'agents/reporting'),
  detectionTooLarge: () => failures.detectionTooLarge(16_777_216),
  viewChanged: () => failures.viewChanged('public.totals'),
  maskWrittenBack: () => failures.maskWrittenBack('email', 'public.customers'),
  settingRefused: () =>
    failures.settingRefused(
      'role',
      'It is not among the settings that an agent may change.',
      'Leave it as it is, or ask for it in the policy (spec.settings).',
    ),
  settingUnnamed: () => failures.settingUnnamed('set_config'),
  settingHidden: () => failures.settingHidden('all'),
  grantUnusable: () => failures.grantUnusable('public.orders', 'The grant cannot be applied: column "region" does not exist.'),
  scopeUnchecked: () => failures.scopeUnchecked('public.orders'),
  staleStatement: () => failures.staleStatement('prepared statement "by_id"'),
  statementOfOtherPath: () => failures.statementOfOtherPath('prepared statement "by_id"'),
  statementUnknown: () => failures.statementUnknown('by_id'),
  portalUnknown: () => failures.portalUnknown('c1'),
  notUnderstood: () => failures.notUnderstood('this form of TABLESAMPLE'),
  invalidStatement: () => failures.invalidStatement('42712', 'table name "users" specified more than once'),
  syntaxError: () => failures.syntaxError('syntax error at or near "SELEC"', 1),
  invalidText: () => failures.invalidText('The text is not valid UTF-8.'),
  statementTooLarge: () => failures.statementTooLarge('The statement has more than 200000 tokens.'),
  statementTooComplex: () => failures.statementTooComplex('The statement is nested too deeply to be parsed.'),
  probesExhausted: () => failures.probesExhausted('probesPerHour', 60),
  rateExceeded: () => failures.rateExceeded(600),
  resultTooLarge: () => failures.resultTooLarge('rowsPerStatement', 10_000),
  statementTooLong: () => failures.statementTooLong(30_000),
  sessionTooBig: () => failures.sessionTooBig(33_554_432),
  sessionWaiting: () => failures.sessionWaiting(33_554_432),
  auditUnavailable: () => failures.auditUnavailable('The audit store could not be written (ENOSPC).'),
  internalError: () => failures.internalError(),
} as const;

const complete: Readonly<Record<FailureName, () => base.Failure>> = { ...CONNECTING, ...SESSION, ...STATEMENT };

const whenOf = (name: FailureName): FailureSample['when'] => {
  if (name in CONNECTING) return 'Connecting';
  return name in SESSION ? 'Session' : 'Statement';
};

/** All of them, in the order of the page. */
export const failureSamples: readonly FailureSample[] = (Object.keys(complete) as FailureName[]).map((name) => ({
  name,
  when: whenOf(name),
  ...complete[name]().fields,
}));
