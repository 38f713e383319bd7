import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accessFiles, bundleMessage } from '../control/documents.ts';
import { makeAccessFolder } from '../control/access-folder.ts';
import { startScriptedOperator } from '../control/scripted-operator.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pg-airlock-start-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Exit code and what was written for people. */
const run = async (...args: readonly string[]): Promise<readonly [unknown, string]> => {
  const child = spawn(process.execPath, [MAIN, 'proxy', '--audit', join(folder, 'audit'), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  const [code] = (await once(child, 'close')) as [unknown];
  return [code, told];
};

describe('a start that fails', () => {
  it('ends the process when there are no manifests', async () => {
    const nowhere = join(folder, 'nowhere');
    expect(await run('--manifests', nowhere)).toEqual([
      1,
      `pg-airlock: the manifests in ${nowhere} cannot be used; the lines above say why\n`,
    ]);
  });

  it('ends the process when the port is taken, though the operator is there', async () => {
    const operator = await startScriptedOperator();
    operator.say(bundleMessage('r1', []));
    const access = await makeAccessFolder(accessFiles(operator.authority.cert));
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const [code, told] = await run('--control', operator.url, '--access', access.directory, '--listen', `127.0.0.1:${port}=data/shop`);
    expect([code, told]).toEqual([1, `pg-airlock: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`]);
    taken.close();
    await operator.stop();
    await access.remove();
  });

  it('says what is wrong with the command line', async () => {
    const [code, told] = await run('--control', 'http://operator');
    expect([code, told.split('\n')[0]]).toEqual([2, 'pg-airlock: --control takes a URL that begins with https://, not "http://operator"']);
  });

  it('gives the agent of a pod to nobody but the pod', async () => {
    const [code, told] = await run('--control', 'https://operator', '--access', folder, '--listen', '0.0.0.0:5432=data/shop');
    expect([code, told.split('\n')[0]]).toEqual([2, 'pg-airlock: A fixed identity needs a loopback address, and "0.0.0.0" is none.']);
  });
});
