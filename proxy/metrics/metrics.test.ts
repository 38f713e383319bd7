import { describe, expect, it } from 'vitest';
import type { Outcome } from '../session/outcome.ts';
import { createMetrics, type Metrics } from './metrics.ts';

const outcome: Outcome = {
  agent: 'agent',
  connection: 'shop/main',
  via: 'Query',
  decision: 'Allow',
  result: 'Completed',
  kinds: ['Select'],
  reasons: [],
  policies: ['agents/reading'],
  masked: [],
  filtered: [],
  rules: [],
  detected: [],
  rows: 3,
  bytes: 120,
  decisionMs: 0.4,
  upstreamMs: 2,
};

/** The samples whose name begins so, without comments and buckets. */
const samples = async (metrics: Metrics, prefix: string): Promise<string[]> =>
  (await metrics.render()).split('\n').filter((line) => line.startsWith(prefix) && !line.includes('_bucket'));

describe('createMetrics()', () => {
  it('counts statements by decision and kind, rows and bytes', async () => {
    const metrics = createMetrics({ version: '1.2.3' });
    metrics.statement(outcome);
    metrics.statement({ ...outcome, kinds: ['Transaction', 'Select'] });
    metrics.received(40);
    expect(await samples(metrics, 'pg_airlock_statement')).toEqual([
      'pg_airlock_statements_total{decision="Allow",kind="Select"} 2',
      'pg_airlock_statements_total{decision="Allow",kind="Transaction"} 1',
      'pg_airlock_statement_results_total{result="Completed"} 2',
    ]);
    expect(await samples(metrics, 'pg_airlock_rows')).toEqual(['pg_airlock_rows_total 6']);
    expect(await samples(metrics, 'pg_airlock_bytes')).toEqual([
      'pg_airlock_bytes_total{direction="to_agent"} 240',
      'pg_airlock_bytes_total{direction="from_agent"} 40',
    ]);
  });

  it('counts refusals apart from what mode Audit let through', async () => {
    const metrics = createMetrics({ version: '1.2.3' });
    const reasons = [{ code: 'relation-refused' }];
    metrics.statement({ ...outcome, decision: 'Deny', result: 'Refused', reasons, sqlstate: '42501' });
    metrics.statement({ ...outcome, decision: 'AuditOnly', reasons });
    expect(await samples(metrics, 'pg_airlock_blocked')).toEqual([
      'pg_airlock_blocked_total{rule="relations",reason="relation-refused"} 1',
    ]);
    expect(await samples(metrics, 'pg_airlock_unenforced')).toEqual([
      'pg_airlock_unenforced_total{rule="relations",reason="relation-refused"} 1',
    ]);
    expect(await samples(metrics, 'pg_airlock_statement_errors')).toEqual(['pg_airlock_statement_errors_total{class="42"} 1']);
  });

  it('counts statements and rows for each masked column, once', async () => {
    const metrics = createMetrics({ version: '1.2.3' });
    metrics.statement({ ...outcome, masked: ['public.customers.ssn', 'public.customers.email', 'public.customers.ssn'] });
    expect(await samples(metrics, 'pg_airlock_masked')).toEqual([
      'pg_airlock_masked_statements_total{relation="public.customers",column="ssn"} 1',
      'pg_airlock_masked_statements_total{relation="public.customers",column="email"} 1',
      'pg_airlock_masked_rows_total{relation="public.customers",column="ssn"} 3',
      'pg_airlock_masked_rows_total{relation="public.customers",column="email"} 3',
    ]);
  });

  it('counts what detectors found', async () => {
    const metrics = createMetrics({ version: '1.2.3' });
    const found = { kind: 'PaymentCard', action: 'Mask', policy: 'agents/reading', count: 3 } as const;
    metrics.statement({
      ...outcome,
      detected: [
        { ...found, column: 'a' },
        { ...found, column: 'b', count: 2 },
      ],
    });
    expect(await samples(metrics, 'pg_airlock_detected')).toEqual([
      'pg_airlock_detected_total{kind="PaymentCard",action="Mask",policy="agents/reading"} 5',
    ]);
  });

  it('bounds every label that a statement, a policy or a server can fill', async () => {
    const metrics = createMetrics({ version: '1.2.3' });
    for (let index = 0; index < 2_000; index += 1) {
      metrics.statement({
        ...outcome,
        decision: 'Deny',
        kinds: [`SELECT secret ${index}`],
        masked: [`public.t${index}.c`],
        reasons: [{ code: `code-${index}` }],
        sqlstate: `${(index % 1_296).toString(36).padStart(2, '0').toUpperCase()}000`,
      });
    }
    expect(await samples(metrics, 'pg_airlock_statements_total')).toEqual([
      'pg_airlock_statements_total{decision="Deny",kind="Other"} 2000',
    ]);
    expect((await samples(metrics, 'pg_airlock_masked_statements_total')).length).toBe(501);
    expect(await samples(metrics, 'pg_airlock_masked_rows_total{relation="other"')).toEqual([
      'pg_airlock_masked_rows_total{relation="other",column="other"} 4500',
    ]);
    expect((await samples(metrics, 'pg_airlock_blocked_total')).length).toBe(101);
    expect((await samples(metrics, 'pg_airlock_statement_errors_total')).length).toBe(61);
  });

  it('measures in seconds', async () => {
    const metrics = createMetrics({ version: '1.2.3' });
    metrics.statement({ ...outcome, decisionMs: 4, upstreamMs: 1_500 });
    const { upstreamMs: _, ...refused } = { ...outcome, decisionMs: 1 };
    metrics.statement(refused);
    expect(await samples(metrics, 'pg_airlock_decision_duration')).toEqual([
      'pg_airlock_decision_duration_seconds_sum 0.005',
      'pg_airlock_decision_duration_seconds_count 2',
    ]);
    expect(await samples(metrics, 'pg_airlock_upstream_duration')).toEqual([
      'pg_airlock_upstream_duration_seconds_sum 1.5',
      'pg_airlock_upstream_duration_seconds_count 1',
    ]);
  });

  it('tells of sessions, the audit log and the policy in force', async () => {
    const metrics = createMetrics({ version: '1.2.3' });
    metrics.sessionOpened();
    metrics.sessionOpened();
    metrics.sessionClosed();
    metrics.sessionResult('Accepted');
    metrics.sessionResult('AuthenticationFailed');
    metrics.observeAuditLag(() => 250);
    metrics.audit.committed?.({ records: 5, milliseconds: 2 });
    metrics.audit.failed?.(new Error('full'), 3);
    metrics.policyLoaded('one');
    metrics.policyLoaded('two');
    metrics.policyReload('Refused');
    expect(await samples(metrics, 'pg_airlock_sessions')).toEqual([
      'pg_airlock_sessions 1',
      'pg_airlock_sessions_total{result="Accepted"} 1',
      'pg_airlock_sessions_total{result="AuthenticationFailed"} 1',
    ]);
    expect(await samples(metrics, 'pg_airlock_audit')).toEqual([
      'pg_airlock_audit_lag_seconds 0.25',
      'pg_airlock_audit_records_total 5',
      'pg_airlock_audit_failures_total 1',
      'pg_airlock_audit_commit_duration_seconds_sum 0.002',
      'pg_airlock_audit_commit_duration_seconds_count 1',
    ]);
    expect(await samples(metrics, 'pg_airlock_policy')).toEqual([
      'pg_airlock_policy_info{revision="two"} 1',
      'pg_airlock_policy_reloads_total{result="Accepted"} 0',
      'pg_airlock_policy_reloads_total{result="Refused"} 1',
    ]);
    expect(await samples(metrics, 'pg_airlock_build')).toEqual([
      `pg_airlock_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
    ]);
  });

  it('keeps one registry apart from another', async () => {
    const [first, second] = [createMetrics({ version: '1' }), createMetrics({ version: '1' })];
    first.sessionOpened();
    expect(await samples(second, 'pg_airlock_sessions')).toEqual(['pg_airlock_sessions 0']);
  });

  it('tells of the process', async () => {
    const text = await createMetrics({ version: '1' }).render();
    const names = [...text.matchAll(/^# TYPE ((?:process|nodejs)\S+)/gm)].map(([, name]) => name);
    expect(names).toEqual([
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'process_start_time_seconds',
      'nodejs_eventloop_utilization_ratio',
    ]);
    expect(text).toMatch(/^process_cpu_seconds_total 0\.[0-9]+|^process_cpu_seconds_total [1-9]/m);
  });
});
