import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AGENTS, inAgent, kubectlDone, psql, startAgent } from './environment.ts';
import { IS_THE_NODE } from './on-the-node.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';
import { installed } from './release.ts';

/** From this machine, and only the node is sure to reach pods. */
describe.runIf(IS_THE_NODE)('a Prometheus that scrapes what the chart says', () => {
  let prometheus: Prometheus;
  beforeAll(async () => {
    await installed();
    await startAgent('watched');
    prometheus = await startPrometheus();
  });
  afterAll(() => prometheus.stop());

  const valueOf = async (expression: string): Promise<number> =>
    (await prometheus.query(expression)).reduce((sum, { value }) => sum + value, 0);
  const soon = { timeout: 60_000, interval: 500 };

  it('finds the sidecars and the operators', async () => {
    await vi.waitFor(async () => {
      expect(await prometheus.query(`up{pod="watched",namespace="${AGENTS}"} == 1`)).toEqual([
        { labels: expect.objectContaining({ container: 'pg-airlock', job: expect.stringContaining('PodMonitor/') }), value: 1 },
      ]);
      expect(await valueOf('sum(up{job=~"ServiceMonitor/.*"})')).toBe(2);
    }, soon);
  });

  it('shows what the session had blocked and masked', async () => {
    await psql('watched', 'DROP TABLE orders');
    await psql('watched', 'SELECT name, ssn FROM customers');
    await vi.waitFor(async () => {
      expect(await valueOf('pg_airlock_statements_total{pod="watched",decision="Deny"}')).toBe(1);
      const blocked = await prometheus.query('pg_airlock_blocked_total{pod="watched"} > 0');
      expect(new Set(blocked.map(({ labels }) => labels['reason']))).toEqual(new Set(['definition-refused', 'definition-unopened']));
      expect(await valueOf('pg_airlock_masked_rows_total{pod="watched",column="ssn"}')).toBe(12);
    }, soon);
  });

  it('fires when an agent is refused over and over', async () => {
    expect(await prometheus.firing()).not.toContain('PgAirlockBlockedSpike');
    await inAgent('watched', ['sh', '-c', 'for i in $(seq 60); do echo "DROP TABLE orders;"; done | psql -X -q -d shop -U anybody']);
    await vi.waitFor(async () => expect(await prometheus.firing()).toContain('PgAirlockBlockedSpike'), soon);
    await kubectlDone(['delete', 'pod', 'watched', '-n', AGENTS]);
  });
});
