import { beforeAll, describe, expect, it } from 'vitest';
import { AGENTS, CHART, DATA, helmDone, kubectlDone, RELEASE, SYSTEM } from './environment.ts';
import { installed } from './release.ts';

describe('helm test', () => {
  beforeAll(installed);

  it('finds the operator at work, and runs an agent that is refused a DROP TABLE', async () => {
    const agent = { namespace: AGENTS, connection: `${DATA}/shop`, database: 'shop', labels: { team: 'reporting' } };
    const release = [RELEASE, '--namespace', SYSTEM];
    await helmDone(['upgrade', ...release, CHART, '--reuse-values', '--wait', '--set-json', `test.agent=${JSON.stringify(agent)}`]);
    const said = await helmDone(['test', ...release, '--timeout', '4m']);
    expect(said.match(/^Phase: +(\w+)$/gm)?.every((line) => line.endsWith('Succeeded'))).toBe(true);
    expect(await kubectlDone(['get', 'pods', '-A', '-l', 'app.kubernetes.io/component=test', '-o', 'name'])).toBe('');
  });
});
