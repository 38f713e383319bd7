import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type AccessFiles, type AccessFolder, makeAccessFolder } from '../../test/control/access-folder.ts';
import { type CredentialFiles, followCredentials } from './credential-files.ts';

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

const FILES: AccessFiles = {
  token: 't',
  'connections/data.shop/username': 'app',
  'connections/data.shop/password': 'one',
  'connections/data.shop/ca.crt': 'PEM',
  'connections/data.crm.v2/username': 'crm',
  'connections/data.crm.v2/password': 'two',
};

const follow = async (files: AccessFiles): Promise<{ folder: AccessFolder; files: CredentialFiles; told: () => number }> => {
  const folder = await makeAccessFolder(files);
  let told = 0;
  const followed = await followCredentials(folder.directory, ['data/shop', 'data/crm.v2'], () => told++, { poll: 50, settle: 20 });
  ended.push(followed.stop, folder.remove);
  return { folder, files: followed, told: () => told };
};

const text = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : Buffer.from(bytes).toString());
const values = (files: CredentialFiles): unknown =>
  [...files.current()].map(([key, { username, password, ca }]) => [key, text(username), text(password), text(ca)]);

describe('followCredentials()', () => {
  it('reads what is there of each connection', async () => {
    const { files } = await follow(FILES);
    expect(values(files)).toEqual([
      ['data/shop', 'app', 'one', 'PEM'],
      ['data/crm.v2', 'crm', 'two', undefined],
    ]);
    expect(files.problem()).toBeUndefined();
  });

  it('follows the kubelet, who replaces all at once', async () => {
    const { folder, files, told } = await follow(FILES);
    await folder.put({ ...FILES, 'connections/data.shop/password': 'rotated' });
    await expect
      .poll(() => values(files))
      .toEqual([
        ['data/shop', 'app', 'rotated', 'PEM'],
        ['data/crm.v2', 'crm', 'two', undefined],
      ]);
    expect(told()).toBe(1);
  });

  it('keeps what it had where files are missing or empty, and says so', async () => {
    const { folder, files } = await follow(FILES);
    const { 'connections/data.shop/password': _, ...rest } = FILES;
    await folder.put({ ...rest, 'connections/data.crm.v2/password': '' });
    await expect
      .poll(() => files.problem())
      .toBe('connections/data.shop/password is not there, or empty; connections/data.crm.v2/password is not there, or empty');
    expect(values(files)).toEqual([
      ['data/shop', 'app', 'one', 'PEM'],
      ['data/crm.v2', 'crm', 'two', undefined],
    ]);
    await folder.put(FILES);
    await expect.poll(() => files.problem()).toBeUndefined();
  });

  it('waits for what is not there yet', async () => {
    const { folder, files } = await follow({ token: 't' });
    expect([values(files), files.problem()]).toEqual([
      [],
      'connections/data.shop/username is not there, or empty; connections/data.crm.v2/username is not there, or empty',
    ]);
    await folder.put(FILES);
    await expect.poll(() => files.current().size).toBe(2);
  });

  it('does not wait for a writer where a file should be', async () => {
    const { folder, files } = await follow(FILES);
    const path = join(folder.directory, 'connections', 'data.shop', 'password');
    await rm(path);
    await mkdir(path);
    await writeFile(join(path, 'x'), 'x');
    await expect.poll(() => files.problem()).toBe('connections/data.shop/password is no file of reasonable size');
  });
});
