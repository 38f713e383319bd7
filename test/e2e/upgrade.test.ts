import { beforeAll, describe, expect, it, vi } from 'vitest';
import { AGENTS, CHART, getObject, helmDone, kubectlDone, psql, RELEASE, startAgent, SYSTEM } from './environment.ts';
import { openSession } from './live-session.ts';
import { installed } from './release.ts';

type Args = { readonly spec: { readonly initContainers: readonly { readonly args: readonly string[] }[] } };

const UPGRADE = ['upgrade', RELEASE, CHART, '--reuse-values', '--namespace', SYSTEM, '--wait', '--timeout', '3m'];
const OPERATORS = ['-n', SYSTEM, '-l', 'app.kubernetes.io/component=operator'];

describe('helm upgrade', () => {
  beforeAll(async () => {
    await installed();
    await startAgent('elder');
  });

  it('replaces the operators under running agents, and is for new pods', async () => {
    const session = await openSession('elder');
    await helmDone([...UPGRADE, '--set', 'sidecar.logLevel=debug']);
    // Those that go answer what they were asked before.
    await vi.waitFor(
      async () => expect((await kubectlDone(['get', 'pods', ...OPERATORS, '-o', 'name'])).trim().split('\n')).toHaveLength(2),
      {
        timeout: 60_000,
        interval: 500,
      },
    );
    expect((await session.run('SELECT count(*) FROM orders')).rows).toEqual(['24']);
    await startAgent('younger');
    expect((await psql('younger', 'SELECT count(*) FROM orders')).stdout).toBe('24');
    const levels = await Promise.all(
      ['elder', 'younger'].map(async (name) => (await getObject<Args>(['pod', name, '-n', AGENTS])).spec.initContainers[0]?.args.at(-1)),
    );
    expect(levels).toEqual(['info', 'debug']);
    expect((await session.run('SELECT count(*) FROM orders')).rows).toEqual(['24']);
    session.close();
    await kubectlDone(['delete', 'pod', 'elder', 'younger', '-n', AGENTS]);
  });
});
