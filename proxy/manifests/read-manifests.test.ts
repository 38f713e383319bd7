import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemText } from '../../kernel/manifest/problem.ts';
import { loadManifests } from './load-manifests.ts';
import { manifestSignature, readManifests } from './read-manifests.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manifests-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, text: string | Uint8Array): Promise<void> => writeFile(join(folder, name), text);
const problems = async (): Promise<string[]> => (await readManifests(folder)).problems.map(problemText);

describe('readManifests()', () => {
  it('reads yaml, yml and json of the folder, in order of name, and nothing else', async () => {
    await write('b.yml', 'b: 1');
    await write('a.yaml', '\uFEFFa: 1');
    await write('c.json', '{}');
    await write('.hidden.yaml', 'x');
    await write('a.yaml~', 'x');
    await write('README.md', 'x');
    await mkdir(join(folder, 'inner'));
    await writeFile(join(folder, 'inner/d.yaml'), 'x');
    const { files, problems: none } = await readManifests(folder);
    expect(files).toEqual([
      { path: 'a.yaml', text: 'a: 1' },
      { path: 'b.yml', text: 'b: 1' },
      { path: 'c.json', text: '{}' },
    ]);
    expect(none).toEqual([]);
  });

  it('follows links, as a mounted volume of Kubernetes has them', async () => {
    await mkdir(join(folder, '..2026_01_01'));
    await writeFile(join(folder, '..2026_01_01/policy.yaml'), 'a: 1');
    await symlink('..2026_01_01', join(folder, '..data'));
    await symlink('..data/policy.yaml', join(folder, 'policy.yaml'));
    const first = await readManifests(folder);
    expect(first.files).toEqual([{ path: 'policy.yaml', text: 'a: 1' }]);

    await mkdir(join(folder, '..2026_01_02'));
    await writeFile(join(folder, '..2026_01_02/policy.yaml'), 'a: 2');
    await symlink('..2026_01_02', join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    const second = await readManifests(folder);
    expect(second.files).toEqual([{ path: 'policy.yaml', text: 'a: 2' }]);
    expect(second.signature).not.toBe(first.signature);
  });

  it('has the signature of what it read, which changes with any file', async () => {
    await write('a.yaml', 'a: 1');
    const { signature } = await readManifests(folder);
    expect(await manifestSignature(folder)).toBe(signature);
    await write('b.yaml', '');
    expect(await manifestSignature(folder)).not.toBe(signature);
  });

  it('says why the folder cannot be read', async () => {
    expect((await readManifests(join(folder, 'none'))).problems.map(problemText)).toEqual([
      '.: the folder of manifests cannot be read (ENOENT). Create it, or correct the path and its permissions.',
    ]);
    expect(await manifestSignature(join(folder, 'none'))).not.toBe(await manifestSignature(folder));
  });

  it('says which file cannot be read, and reads the others', async () => {
    await symlink('nowhere', join(folder, 'a.yaml'));
    await mkdir(join(folder, 'b.yaml'));
    await write('c.yaml', 'x'.repeat(1024 * 1024 + 1));
    await write('d.yaml', Uint8Array.of(0xff));
    const socket = createServer().listen(join(folder, 'e.yaml'));
    await once(socket, 'listening');
    await write('f.yaml', 'a: 1');
    expect(await problems()).toEqual([
      'a.yaml: cannot be read (ENOENT). Correct its permissions, or the link.',
      'b.yaml: is not a file. Only files and links to files are read; rename it, or move it away.',
      'c.yaml: is larger than 1048576 bytes. Split it into several files.',
      'd.yaml: is not text in UTF-8. Save it as UTF-8.',
      'e.yaml: is not a file. Only files and links to files are read; rename it, or move it away.',
    ]);
    expect((await readManifests(folder)).files).toEqual([{ path: 'f.yaml', text: 'a: 1' }]);
    socket.close();
  });

  it('reads no more than fits', async () => {
    await Promise.all(Array.from({ length: 17 }, (_, index) => write(`${index}.yaml`, `#${'x'.repeat(1024 * 1024 - 1)}`)));
    const { files, problems: said, signature } = await readManifests(folder);
    expect(files).toEqual([]);
    expect(said.map(problemText)).toEqual([
      '.: the manifests are larger than 16777216 bytes together. Divide them between several proxies.',
    ]);
    expect(await manifestSignature(folder)).toBe(signature);
  });
});

describe('loadManifests()', () => {
  it('makes no bundle while a file cannot be read', async () => {
    expect((await loadManifests(folder)).bundle?.policies).toEqual([]);
    await symlink('nowhere', join(folder, 'a.yaml'));
    expect((await loadManifests(folder)).bundle).toBeUndefined();
  });
});
