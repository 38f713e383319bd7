/** Alerts and dashboard: their expressions are PromQL, about metrics that there are, and the alerts fire when they should. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createMetrics as createOperatorMetrics } from '../../operator/metrics/metrics.ts';
import { createMetrics } from '../../proxy/metrics/metrics.ts';
import { operatorMetrics } from '../../proxy/metrics/operator-metrics.ts';
import { CHART, objectOf, renderChart } from '../support/chart.ts';

type Target = { readonly refId: string; readonly expr: string; readonly legendFormat: string; readonly datasource: object };
type Panel = {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: object;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
};
type Variable = { readonly name: string; readonly type: string; readonly query: string | { readonly query: string } };
type Dashboard = {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
};
type Rules = { readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[] };

const ALERTS = join(CHART, 'files/monitoring/alerts.yaml');
const dashboard = JSON.parse(readFileSync(join(CHART, 'files/monitoring/dashboard.json'), 'utf8')) as Dashboard;
const rules = (parse(readFileSync(ALERTS, 'utf8')) as Rules).groups.flatMap((group) => group.rules);
const targets = dashboard.panels.flatMap((panel) => panel.targets ?? []);

/** Debian has it in its package `prometheus`. */
const promtool = (...parameters: readonly string[]): string => execFileSync('promtool', parameters, { encoding: 'utf8', stdio: 'pipe' });
const hasPromtool = ((): boolean => {
  try {
    promtool('--version');
    return true;
  } catch {
    return false;
  }
})();

const PREFIX = /\b(?:pg_airlock|process|nodejs)_\w+/g;

/** The names of the series that we export. */
const exported = async (): Promise<ReadonlySet<string>> => {
  const ofSidecars = new Registry();
  operatorMetrics(ofSidecars);
  const texts = [await createMetrics({ version: '0' }).render(), await ofSidecars.metrics(), await createOperatorMetrics('0').render()];
  const types = texts.flatMap((text) => [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)]);
  const suffixes = (type: string): readonly string[] => (type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']);
  return new Set(types.flatMap(([, name = '', type = '']) => suffixes(type).map((suffix) => name + suffix)));
};

describe('the alerts', () => {
  it.skipIf(!hasPromtool)('are rules, and fire when they should', () => {
    expect(promtool('check', 'rules', ALERTS)).toContain(`SUCCESS: ${rules.length} rules found`);
    expect(promtool('test', 'rules', join(import.meta.dirname, 'alerts.test.yaml'))).toContain('SUCCESS');
  });

  it('are all tried', () => {
    const tried = readFileSync(join(import.meta.dirname, 'alerts.test.yaml'), 'utf8');
    expect(rules.filter(({ alert }) => !tried.includes(`alertname: ${alert}\n`)).map(({ alert }) => alert)).toEqual([]);
  });

  it('are about metrics that there are', async () => {
    const names = await exported();
    const used = rules.flatMap(({ expr }) => expr.match(PREFIX) ?? []);
    expect(used.filter((name) => !names.has(name))).toEqual([]);
  });

  it('are what the PrometheusRule has', async () => {
    const objects = await renderChart({ 'monitoring.prometheusRule': { enabled: true, labels: { release: 'prometheus' } } });
    const rule = objectOf(objects, 'PrometheusRule');
    expect(rule['spec']).toEqual(parse(readFileSync(ALERTS, 'utf8')));
    expect(rule.metadata.labels).toMatchObject({ release: 'prometheus' });
  });
});

describe('the dashboard', () => {
  it('is what Grafana imports', () => {
    expect(dashboard).toMatchObject({ uid: 'pg-airlock', title: 'pg-airlock', schemaVersion: 39 });
    expect(dashboard.templating.list.map(({ name, type }) => `${name}: ${type}`)).toEqual([
      'datasource: datasource',
      'namespace: query',
      'pod: query',
    ]);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const source = { type: 'prometheus', uid: `\${datasource}` };
    for (const panel of dashboard.panels.filter(({ type }) => type !== 'row')) {
      expect(panel).toMatchObject({ title: expect.stringMatching(/./), description: expect.stringMatching(/\.$/), datasource: source });
      expect(panel.targets?.length).toBeGreaterThan(0);
      for (const target of panel.targets ?? []) expect(target.datasource).toEqual(source);
      expect(new Set(panel.targets?.map(({ refId }) => refId)).size).toBe(panel.targets?.length);
    }
  });

  it('has panels within its 24 columns, none over another', () => {
    const taken = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      const { x, y, w, h } = gridPos;
      expect(x + w).toBeLessThanOrEqual(24);
      for (let row = y; row < y + h; row++) {
        for (let column = x; column < x + w; column++) {
          const cell = `${row}/${column}`;
          expect(taken.has(cell), `${title} lies over another panel`).toBe(false);
          taken.add(cell);
        }
      }
    }
  });

  it('asks for metrics that there are', async () => {
    const names = await exported();
    const variables = dashboard.templating.list.map(({ query }) => (typeof query === 'string' ? query : query.query));
    const used = [...targets.map(({ expr }) => expr), ...variables].flatMap((text) => text.match(PREFIX) ?? []);
    expect(used.filter((name) => !names.has(name))).toEqual([]);
  });

  it.skipIf(!hasPromtool)('asks in PromQL', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
    try {
      const plain = targets.map(({ expr }) => expr.replaceAll(/\[\$__\w+\]/g, '[5m]').replaceAll(/\$(namespace|pod)/g, '.*'));
      expect(plain.filter((expr) => expr.includes('$'))).toEqual([]);
      const file = join(folder, 'rules.json');
      const recorded = plain.map((expr, index) => ({ record: `query:${index}`, expr }));
      writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: recorded }] }));
      expect(promtool('check', 'rules', file)).toContain(`SUCCESS: ${plain.length} rules found`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is in a ConfigMap that Grafana finds', async () => {
    const values = { enabled: true, annotations: { grafana_folder: 'Agents' } };
    const map = objectOf(await renderChart({ 'monitoring.dashboard': values }), 'ConfigMap', 'pg-airlock-dashboard');
    expect(map.metadata).toMatchObject({ labels: { grafana_dashboard: '1' }, annotations: { grafana_folder: 'Agents' } });
    expect(JSON.parse((map['data'] as Record<string, string>)['pg-airlock.json'] ?? '')).toEqual(dashboard);
  });
});
