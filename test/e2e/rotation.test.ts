import { beforeAll, describe, expect, it, vi } from 'vitest';
import { AGENTS, apply, getObject, kubectlDone, psql, startAgent } from './environment.ts';
import { openSession } from './live-session.ts';
import { installed } from './release.ts';
import { asSuperuser, credentials, PASSWORD } from './shop.ts';

const NEW_PASSWORD = 'second-b2f4a91c77';

type Statuses = {
  readonly status: { readonly initContainerStatuses: readonly { readonly containerID: string; readonly restartCount: number }[] };
};

describe('a new password of the database', () => {
  beforeAll(async () => {
    await installed();
    await startAgent('patient');
  });

  it('reaches the sidecar without a restart, and ends no session', async () => {
    const sidecar = async (): Promise<unknown> =>
      (await getObject<Statuses>(['pod', 'patient', '-n', AGENTS])).status.initContainerStatuses.map(({ containerID, restartCount }) => ({
        containerID,
        restartCount,
      }));
    const before = await sidecar();
    const session = await openSession('patient');
    await asSuperuser(`ALTER ROLE airlock PASSWORD '${NEW_PASSWORD}'`);
    await apply([credentials(NEW_PASSWORD)]);
    const since = performance.now();
    await vi.waitFor(async () => expect((await psql('patient', 'SELECT 1')).code).toBe(0), { timeout: 240_000, interval: 1000 });
    console.log(`    password changed to new sessions work: ${Math.round((performance.now() - since) / 1000)} s`);
    expect(await session.run('SELECT count(*) FROM orders')).toEqual({ rows: ['24'], error: undefined });
    session.close();
    expect(await sidecar()).toEqual(before);
    await asSuperuser(`ALTER ROLE airlock PASSWORD '${PASSWORD}'`);
    await apply([credentials(PASSWORD)]);
    await vi.waitFor(async () => expect((await psql('patient', 'SELECT 1')).code).toBe(0), { timeout: 240_000, interval: 1000 });
    await kubectlDone(['delete', 'pod', 'patient', '-n', AGENTS]);
  });
});
