/** docs/reference.md is what the CRDs say. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const PROJECT = join(import.meta.dirname, '..', '..');

describe('scripts/generate-reference.ts', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'generate-'));
    cpSync(join(PROJECT, 'crds'), join(root, 'crds'), { recursive: true });
    mkdirSync(join(root, 'docs'));
    cpSync(join(PROJECT, 'docs/reference.md'), join(root, 'docs/reference.md'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const run = (...options: readonly string[]): { readonly status: number | null; readonly stderr: string } => {
    const { status, stderr } = spawnSync(process.execPath, [join(PROJECT, 'scripts/generate-reference.ts'), ...options, root], {
      encoding: 'utf8',
    });
    return { status, stderr };
  };

  it('finds what is committed to be what the CRDs say', () => {
    expect(run('--check')).toEqual({ status: 0, stderr: '' });
  });

  it('finds a page that is not, and writes a field with its type, bounds, default and rules', () => {
    const crd = join(root, 'crds/databaseconnections.yaml');
    writeFileSync(
      crd,
      readFileSync(crd, 'utf8')
        .replace('TCP port of the server, 1 to 65535.', 'Door | of the server.')
        .replace('default: 5432', 'default: 5433'),
    );
    expect(run('--check')).toEqual({
      status: 1,
      stderr: 'docs/reference.md is not what crds/ say: run node scripts/generate-reference.ts\n',
    });
    expect(run().status).toBe(0);
    expect(run('--check')).toEqual({ status: 0, stderr: '' });
    const page = readFileSync(join(root, 'docs/reference.md'), 'utf8');
    expect(page).toContain('| `spec.port` | integer; 1 to 65535; default `5433` | Door \\| of the server. |\n');
    expect(page).toContain('| **`spec.host`** | string; 1 to 253 characters; matches `^[A-Za-z0-9._:-]+$` |');
    expect(page).toContain('<br>- mode VerifyCA needs caSecretRef');
  });

  it('does not write a field that nobody has described', () => {
    const crd = join(root, 'crds/databaseconnections.yaml');
    writeFileSync(crd, readFileSync(crd, 'utf8').replace('description: TCP port of the server, 1 to 65535.', ''));
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toContain('spec.port has no description');
  });
});
