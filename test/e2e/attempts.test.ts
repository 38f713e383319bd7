import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getObject, inAgent, kubectlDone, startAgent, SYSTEM } from './environment.ts';
import { IS_THE_NODE, sidecarProcess } from './on-the-node.ts';
import { installed } from './release.ts';
import { PASSWORD } from './shop.ts';
import { THEFTS } from './thefts.ts';

/** The audiences of all tokens that a text holds. */
const audiencesIn = (text: string): string[] =>
  [...text.matchAll(/eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]+/g)].flatMap(([, claims = '']) => {
    const { aud } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { aud?: string | string[] };
    return aud ?? [];
  });

describe('a thief who is root in the container of an agent', () => {
  const stands: Record<string, string> = {};
  const report: string[] = [];
  afterAll(() => console.log(report.map((line) => `    ${line}`).join('\n')));
  beforeAll(async () => {
    await installed();
    await startAgent('thief');
    const { items } = await getObject<{ items: { status: { addresses: { address: string }[] } }[] }>(['nodes']);
    stands['NODE'] = items[0]?.status.addresses[0]?.address ?? '';
    const { spec } = await getObject<{ spec: { clusterIP: string } }>(['service', 'pg-airlock-control', '-n', SYSTEM]);
    stands['CONTROL'] = `${spec.clusterIP}:8444`;
  });

  it('is root', async () => {
    expect((await inAgent('thief', ['id', '-u'])).stdout).toBe('0\n');
  });

  it.each(THEFTS)('cannot get at $aim: $name', async ({ aim, name, command, refused }) => {
    const script = command.replaceAll(/\b(NODE|CONTROL)\b/g, (name) => stands[name] ?? name);
    const { stdout, stderr } = await inAgent('thief', ['sh', '-c', script]);
    const output = `${stdout}\n${stderr}`;
    const lines = output.trim().split('\n');
    const shown = refused === undefined ? 'nothing secret in what it shows' : lines.find((line) => refused.test(line));
    report.push(`${aim.padEnd(11)}  ${name}: ${shown?.trim().slice(0, 120) ?? 'GOT THROUGH'}`);
    expect(output).not.toContain(PASSWORD);
    expect(audiencesIn(output)).not.toContain('pg-airlock.dev');
    expect(output).toMatch(refused ?? '');
  });

  it.runIf(IS_THE_NODE)(
    'would learn nothing as the user of the sidecar in its process namespace: that process cannot be dumped',
    async () => {
      const pid = await sidecarProcess('thief');
      const user = ['--reuid=20432', '--regid=20432', '--clear-groups'];
      for (const file of ['environ', 'mem', 'maps', 'fd', 'root/var/run/pg-airlock/token']) {
        const { status, stderr } = spawnSync('setpriv', [...user, 'cat', `/proc/${pid}/${file}`], { encoding: 'utf8' });
        expect({ file, status, stderr }).toEqual({ file, status: 1, stderr: expect.stringContaining('Permission denied') });
      }
    },
  );

  it('would have found the password, had it been in its reach', async () => {
    const container = 'sleep 1 & cat /proc/$!/environ';
    expect((await inAgent('thief', ['env', `LEAK=${PASSWORD}`, 'sh', '-c', container])).stdout).toContain(PASSWORD);
    await kubectlDone(['delete', 'pod', 'thief', '-n', 'agents']);
  });
});
