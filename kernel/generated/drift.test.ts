import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const PROJECT = join(import.meta.dirname, '../..');

/** The script run on a copy of what it reads and writes. */
const run = (root: string, ...options: readonly string[]): { readonly status: number | null; readonly stderr: string } => {
  const { status, stderr } = spawnSync(process.execPath, [join(PROJECT, 'scripts/generate-types.ts'), ...options, root], {
    encoding: 'utf8',
  });
  return { status, stderr };
};

describe('scripts/generate-types.ts', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'generate-'));
    for (const folder of ['crds', 'kernel/generated']) cpSync(join(PROJECT, folder), join(root, folder), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('finds what is committed to be what the CRDs say', () => {
    expect(run(root, '--check')).toEqual({ status: 0, stderr: '' });
  });

  it('names each file that a changed CRD makes differ, and writes them again', () => {
    const crd = join(root, 'crds/databaseconnections.yaml');
    writeFileSync(crd, readFileSync(crd, 'utf8').replace('enum: [Shared]', 'enum: [Shared, Ephemeral]'));
    expect(run(root, '--check')).toEqual({
      status: 1,
      stderr: [
        'kernel/generated/database-connection.ts is not what crds/ say: run node scripts/generate-types.ts\n',
        'kernel/generated/crd-schemas.ts is not what crds/ say: run node scripts/generate-types.ts\n',
      ].join(''),
    });
    expect(run(root).status).toBe(0);
    expect(run(root, '--check')).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(join(root, 'kernel/generated/database-connection.ts'), 'utf8')).toContain("'Shared' | 'Ephemeral'");
  });

  it('names a generated file that was edited by hand, and one that is missing', () => {
    appendFileSync(join(root, 'kernel/generated/database-connection.ts'), '\n');
    rmSync(join(root, 'kernel/generated/database-access-policy.ts'));
    expect(run(root, '--check')).toEqual({
      status: 1,
      stderr: [
        'kernel/generated/database-access-policy.ts is not what crds/ say: run node scripts/generate-types.ts\n',
        'kernel/generated/database-connection.ts is not what crds/ say: run node scripts/generate-types.ts\n',
      ].join(''),
    });
  });
});
