import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inject } from 'vitest';
import { describe, expect, it } from 'vitest';
import { clientPrograms } from '../support/kubernetes-binaries.ts';
import { rememberInventory } from './inventory.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const MARKED = /<!-- quickstart -->\s*```sh\n([\s\S]*?)```\s*<!-- \/quickstart -->/;

describe('the quickstart of the README', () => {
  it('goes from helm install to a blocked DROP TABLE, as it stands there', async () => {
    await rememberInventory();
    const [, script] = MARKED.exec(await readFile(join(ROOT, 'README.md'), 'utf8')) ?? [];
    expect(script).toBeDefined();
    expect(script?.trim().split('\n').length).toBeLessThanOrEqual(10);
    const { kubectl, helm } = await clientPrograms();
    const PATH = [dirname(kubectl), dirname(helm), process.env['PATH']].join(':');
    // The last line is the one that is refused.
    const { stdout, stderr } = spawnSync('bash', ['-xc', script ?? ''], {
      cwd: ROOT,
      encoding: 'utf8',
      timeout: 280_000,
      env: { ...process.env, PATH, KUBECONFIG: inject('kubeconfig') },
    });
    console.log(stderr.trimEnd().replaceAll(/^/gm, '    '));
    console.log(stdout.trimEnd().replaceAll(/^/gm, '    '));
    expect(stderr).toMatch(/ERROR: {2}permission denied/);
  });
});
