/** The parts of the chart that have their source elsewhere. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const PROJECT = join(import.meta.dirname, '..', '..');
const CHART = 'charts/pg-airlock';

describe('scripts/generate-chart.ts', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'generate-'));
    for (const path of ['crds', 'charts', 'package.json']) cpSync(join(PROJECT, path), join(root, path), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const run = (...options: readonly string[]): { readonly status: number | null; readonly stderr: string } => {
    const { status, stderr } = spawnSync(process.execPath, [join(PROJECT, 'scripts/generate-chart.ts'), ...options, root], {
      encoding: 'utf8',
    });
    return { status, stderr };
  };
  const edit = (path: string, from: string | RegExp, to: string): void =>
    writeFileSync(join(root, path), readFileSync(join(root, path), 'utf8').replace(from, to));

  it('finds what is committed to be what its sources say', () => {
    expect(run('--check')).toEqual({ status: 0, stderr: '' });
  });

  it('finds each part that is not, and writes it again', () => {
    edit(`${CHART}/values.yaml`, 'uid: 20432', 'uid: 0');
    edit(`${CHART}/README.md`, 'Images.', 'Pictures.');
    edit(`${CHART}/README.md`, '`20432`', '`0`');
    edit('package.json', /"version": "[^"]+"/, '"version": "0.2.0"');
    edit('crds/databaseconnections.yaml', 'scope: Namespaced', 'scope: Cluster');
    writeFileSync(join(root, CHART, 'files/crds/forgotten.yaml'), '');
    const stale = ['values.yaml', 'README.md', 'Chart.yaml', 'files/crds/databaseconnections.yaml', 'files/crds/forgotten.yaml'];
    expect(run('--check')).toEqual({
      status: 1,
      stderr: stale.map((path) => `${CHART}/${path} is not what its source says: run node scripts/generate-chart.ts\n`).join(''),
    });
    expect(run().status).toBe(0);
    expect(run('--check')).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(join(root, CHART, 'Chart.yaml'), 'utf8')).toContain('version: 0.2.0\nappVersion: 0.2.0\n');
  });
});

describe('the version', () => {
  it.each(['proxy/main.ts', 'operator/main.ts'])('that %s tells is the one of package.json', (path) => {
    const { version } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { readonly version: string };
    expect(readFileSync(join(PROJECT, path), 'utf8')).toContain(`const VERSION = '${version}';`);
  });
});
