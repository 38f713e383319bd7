/**
 * What Prometheus is told. Things start here: one registry, one `Outcome` observed per statement, labels bounded, no SQL text.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { NO_LIMITS } from '../../kernel/policy.ts';
import type { AuditObserver } from '../audit/audit-store.ts';
import type { Outcome } from '../session/outcome.ts';
import { boundedLabels } from './bounded-labels.ts';
import { CounterTally, HistogramTally, type Tally } from './tally.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { type OperatorMetrics, operatorMetrics } from './operator-metrics.ts';
import { ruleOf } from './refusing-rule.ts';
import { kindLabel } from './statement-kinds.ts';

/** How a connection's start ended. */
export type SessionResult = 'Accepted' | 'TurnedAway' | 'AuthenticationFailed' | 'Refused' | 'UpstreamFailed' | 'ProtocolError';

export type Metrics = {
  readonly statement: (outcome: Outcome) => void;
  /** A limit refused or ended a statement or session; undefined: it was none. */
  readonly limited: (limit: string | undefined) => void;
  /** Bytes that came from agents. */
  readonly received: (bytes: number) => void;
  readonly sessionOpened: () => void;
  readonly sessionClosed: () => void;
  /** Once for each connection that sent a startup packet. */
  readonly sessionResult: (result: SessionResult) => void;
  /** The revision in force now. */
  readonly policyLoaded: (revision: string) => void;
  readonly policyReload: (result: 'Accepted' | 'Refused') => void;
  /** For `openAuditStore`. */
  readonly audit: AuditObserver;
  /** Asked at each scrape, in milliseconds: `store.lag`. */
  readonly observeAuditLag: (lag: () => number) => void;
  /** Begins to tell of the operator, where there is one. */
  readonly operator: () => OperatorMetrics;
  readonly render: () => Promise<string>;
  readonly contentType: string;
};

export type MetricsOptions = { readonly version: string };

const MASKED_COLUMNS = 500;
const REASONS = 100;
const ERROR_CLASSES = 60;

const DECISION_SECONDS = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const UPSTREAM_SECONDS = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const COMMIT_SECONDS = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

const statementMetrics = (registry: Registry): Pick<Metrics, 'statement' | 'received'> & Tally => {
  const counter = <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []): Counter<Label> =>
    new Counter({ name: `pg_airlock_${name}`, help, labelNames, registers: [registry] });
  const histogram = (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name: `pg_airlock_${name}`, help, buckets, registers: [registry] });

  const statements = counter('statements_total', 'Statements judged, by decision and PostgreSQL statement kind.', ['decision', 'kind']);
  const results = counter('statement_results_total', 'Statements by how they ended.', ['result']);
  const blocked = counter('blocked_total', 'Refusals, by the rule that refused and the reason.', ['rule', 'reason']);
  const unenforced = counter('unenforced_total', 'What mode Audit let through and mode Enforce would have refused.', ['rule', 'reason']);
  const rules = counter('rules_met_total', 'Statements that met a rule: it refused or opened them, ended them, or marked their record.', [
    'rule',
  ]);
  const masked = counter('masked_statements_total', 'Statements that had a masked column in reach.', ['relation', 'column']);
  const maskedRows = counter('masked_rows_total', 'Rows returned by statements that had a masked column in reach.', ['relation', 'column']);
  const detected = counter('detected_total', 'Values that detectors found in results, by kind, what was done about them, and policy.', [
    'kind',
    'action',
    'policy',
  ]);
  const rows = counter('rows_total', 'Rows returned to agents.');
  const bytes = counter('bytes_total', 'Bytes passed on, by direction.', ['direction']);
  const probes = counter('probes_total', 'How often a constraint told of rows or columns that the agent may not see.');
  const errors = counter('statement_errors_total', 'Statements that ended in an error, by SQLSTATE class.', ['class']);
  const decision = histogram('decision_duration_seconds', 'From the message to the decision.', DECISION_SECONDS);
  const upstream = histogram('upstream_duration_seconds', 'From forwarding to the last answer of the database.', UPSTREAM_SECONDS);
  for (const direction of ['to_agent', 'from_agent'] as const) bytes.inc({ direction }, 0);

  const reasonLabels = boundedLabels(['rule', 'reason'], REASONS);
  const ruleLabels = boundedLabels(['rule'], REASONS);
  const columnLabels = boundedLabels(['relation', 'column'], MASKED_COLUMNS);
  const detectorLabels = boundedLabels(['kind', 'action', 'policy'], REASONS);
  const classLabels = boundedLabels(['class'], ERROR_CLASSES);

  const everyStatement = new CounterTally(statements);
  const everyResult = new CounterTally(results);
  const rowsReturned = new CounterTally(rows);
  const bytesPassed = new CounterTally(bytes);
  const decisions = new HistogramTally(decision);
  const upstreams = new HistogramTally(upstream);
  const tallies: readonly Tally[] = [everyStatement, everyResult, rowsReturned, bytesPassed, decisions, upstreams];
  const countStatement = (decided: Outcome['decision'], kind: string): void =>
    everyStatement.add(`${decided} ${kind}`, 1, () => ({ decision: decided, kind }));
  return {
    statement: (outcome) => {
      const kinds = outcome.kinds.length === 0 ? ['Other'] : outcome.kinds;
      for (const kind of kinds) countStatement(outcome.decision, kindLabel(kind));
      const { result } = outcome;
      everyResult.add(result, 1, () => ({ result }));
      if (outcome.decision !== 'Allow') {
        const refusals = outcome.decision === 'Deny' ? blocked : unenforced;
        for (const { code } of outcome.reasons) refusals.inc(reasonLabels(ruleOf(code), code));
      }
      for (const rule of outcome.rules) rules.inc(ruleLabels(rule));
      for (const name of outcome.masked.length > 1 ? new Set(outcome.masked) : outcome.masked) {
        const dot = name.lastIndexOf('.');
        const labels = columnLabels(name.slice(0, Math.max(dot, 0)), name.slice(dot + 1));
        masked.inc(labels);
        maskedRows.inc(labels, outcome.rows);
      }
      for (const { kind, action, policy, count } of outcome.detected) detected.inc(detectorLabels(kind, action, policy), count);
      rowsReturned.add('', outcome.rows, () => ({}));
      bytesPassed.add('', outcome.bytes, () => ({ direction: 'to_agent' }));
      if (outcome.probes !== undefined) probes.inc(outcome.probes);
      if (outcome.sqlstate !== undefined) errors.inc(classLabels(outcome.sqlstate.slice(0, 2)));
      decisions.observe(outcome.decisionMs / 1_000);
      if (outcome.upstreamMs !== undefined) upstreams.observe(outcome.upstreamMs / 1_000);
    },
    settle: () => {
      for (const tally of tallies) tally.settle();
    },
    received: (count) => bytes.inc({ direction: 'from_agent' }, count),
  };
};

const sessionMetrics = (registry: Registry): Pick<Metrics, 'sessionOpened' | 'sessionClosed' | 'sessionResult' | 'limited'> => {
  const registers = [registry];
  const open = new Gauge({ name: 'pg_airlock_sessions', help: 'Sessions open now.', registers });
  const started = new Counter({
    name: 'pg_airlock_sessions_total',
    help: 'Connections that asked for a session, by result.',
    labelNames: ['result'],
    registers,
  });
  const limits = new Counter({
    name: 'pg_airlock_limits_total',
    help: 'Statements and sessions that a limit refused or ended, by limit.',
    labelNames: ['limit'],
    registers,
  });
  for (const limit of [...Object.keys(NO_LIMITS), 'maxConnections', 'sendTimeout']) limits.inc({ limit }, 0);
  return {
    sessionOpened: () => open.inc(),
    sessionClosed: () => open.dec(),
    sessionResult: (result) => started.inc({ result }),
    limited: (limit) => {
      if (limit !== undefined) limits.inc({ limit });
    },
  };
};

const auditMetrics = (registry: Registry): Pick<Metrics, 'audit' | 'observeAuditLag'> => {
  const registers = [registry];
  let lag = (): number => 0;
  new Gauge({
    name: 'pg_airlock_audit_lag_seconds',
    help: 'How long the oldest audit record that is not yet durable has been waiting.',
    registers,
    collect() {
      this.set(lag() / 1_000);
    },
  });
  const records = new Counter({ name: 'pg_airlock_audit_records_total', help: 'Audit records written.', registers });
  const failures = new Counter({
    name: 'pg_airlock_audit_failures_total',
    help: 'Attempts to write the audit log that failed.',
    registers,
  });
  const commits = new Histogram({
    name: 'pg_airlock_audit_commit_duration_seconds',
    help: 'Writing one group of audit records and making it durable.',
    buckets: COMMIT_SECONDS,
    registers,
  });
  return {
    audit: {
      committed: (batch) => {
        records.inc(batch.records);
        commits.observe(batch.milliseconds / 1_000);
      },
      failed: () => failures.inc(),
    },
    observeAuditLag: (ask) => {
      lag = ask;
    },
  };
};

const policyMetrics = (registry: Registry): Pick<Metrics, 'policyLoaded' | 'policyReload'> => {
  const registers = [registry];
  const info = new Gauge({ name: 'pg_airlock_policy_info', help: 'The policy revision in force.', labelNames: ['revision'], registers });
  const reloads = new Counter({
    name: 'pg_airlock_policy_reloads_total',
    help: 'Changes of the policies, by whether they were accepted.',
    labelNames: ['result'],
    registers,
  });
  for (const result of ['Accepted', 'Refused'] as const) reloads.inc({ result }, 0);
  return {
    policyLoaded: (revision) => {
      info.reset();
      info.set({ revision }, 1);
    },
    policyReload: (result) => reloads.inc({ result }),
  };
};

/** A registry of its own, with every metric registered. */
export const createMetrics = ({ version }: MetricsOptions): Metrics => {
  const registry = new Registry();
  registerProcessMetrics(registry);
  new Gauge({ name: 'pg_airlock_build_info', help: 'The version that runs.', labelNames: ['version', 'node'], registers: [registry] }).set(
    { version, node: process.versions.node },
    1,
  );
  const { settle, ...ofStatements } = statementMetrics(registry);
  return {
    ...ofStatements,
    ...sessionMetrics(registry),
    ...auditMetrics(registry),
    ...policyMetrics(registry),
    operator: () => operatorMetrics(registry),
    render: async () => {
      settle();
      return await registry.metrics();
    },
    contentType: registry.contentType,
  };
};
