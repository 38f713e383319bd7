import { beforeAll, describe, expect, it, vi } from 'vitest';
import { AGENT_IMAGE } from './client-images.ts';
import { AGENTS, agentPod, apply, getObject, inAgent, kubectl, kubectlDone, psql, ready, startAgent } from './environment.ts';
import { installed } from './release.ts';
import { asSuperuser, policy } from './shop.ts';

type ContainerStatus = {
  readonly name: string;
  readonly restartCount: number;
  readonly started: boolean;
  readonly state: { readonly running?: { readonly startedAt: string } };
};
type Pod = {
  readonly spec: {
    readonly initContainers: readonly { readonly name: string; readonly restartPolicy?: string }[];
    readonly containers: readonly { readonly name: string }[];
  };
  readonly status: {
    readonly initContainerStatuses: readonly ContainerStatus[];
    readonly containerStatuses: readonly ContainerStatus[];
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
  };
};

const PSQL = 'psql -X -A -t -d shop -U anybody -v ON_ERROR_STOP=1';

describe('an agent in a pod', () => {
  beforeAll(async () => {
    await installed();
    await startAgent('reader');
  });

  it('finds the database at localhost:5432, by its environment and without a password', async () => {
    const { stdout } = await inAgent('reader', ['sh', '-c', 'env | grep ^PG | sort']);
    expect(stdout.trim().split('\n')).toEqual(['PGHOST=127.0.0.1', 'PGPORT=5432', 'PGSSLMODE=disable']);
    expect(
      await inAgent('reader', ['psql', '-h', 'localhost', '-p', '5432', '-U', 'anybody', '-At', '-d', 'shop', '-c', 'SELECT 1']),
    ).toMatchObject({
      code: 0,
      stdout: '1\n',
    });
  });

  it('reads masked rows', async () => {
    expect(await psql('reader', 'SELECT name, email, card_number, ssn FROM customers ORDER BY id LIMIT 2')).toMatchObject({
      code: 0,
      stdout: 'Ada Brandt|***@mail.example|***4242|***\nBruno Keller|***@keller.example|***4444|***',
    });
    expect((await psql('reader', `SELECT count(*) FROM customers WHERE ssn LIKE '9%'`)).stdout).toBe('0');
    expect((await psql('reader', 'SELECT region, count(*) FROM orders GROUP BY region')).stdout).toBe('eu|24');
  });

  it('is refused DROP TABLE, and what no policy grants', async () => {
    expect(await psql('reader', 'DROP TABLE orders')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ERROR:  permission denied'),
    });
    expect(await psql('reader', 'SELECT * FROM secrets')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ERROR:  permission denied'),
    });
    expect(await asSuperuser('SELECT count(*) FROM orders')).toBe('60\n');
  });

  it('is counted in the status of its policy', async () => {
    const columns = async (): Promise<Record<string, string>> => {
      const [names = '', values = ''] = (await kubectlDone(['get', 'dap', 'reporting', '-n', AGENTS])).split('\n');
      const cells = values.split(/\s{2,}/);
      return Object.fromEntries(names.split(/\s{2,}/).map((name, index) => [name, cells[index] ?? '']));
    };
    await vi.waitFor(async () => expect(Number((await columns())['BLOCKED'])).toBeGreaterThan(0), { timeout: 60_000, interval: 1000 });
    const row = await columns();
    expect(row).toMatchObject({ READY: 'True', CONNECTION: 'shop' });
    expect(Number(row['PODS'])).toBeGreaterThan(0);
    expect(Number(row['MASKED'])).toBeGreaterThan(0);
    const { stdout } = await kubectl(['get', 'dbc', 'shop', '-n', 'data']);
    expect(stdout).toMatch(/\bTrue\b/);
  });

  it('has its sidecar first, which starts before it', async () => {
    const { spec, status } = await getObject<Pod>(['pod', 'reader', '-n', AGENTS]);
    expect(spec.initContainers.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([['pg-airlock', 'Always']]);
    expect(spec.containers.map(({ name }) => name)).toEqual(['agent']);
    const [sidecar, agent] = [status.initContainerStatuses[0], status.containerStatuses[0]];
    expect(sidecar).toMatchObject({ name: 'pg-airlock', started: true, restartCount: 0 });
    expect(Date.parse(sidecar?.state.running?.startedAt ?? '')).toBeLessThanOrEqual(Date.parse(agent?.state.running?.startedAt ?? ''));
  });

  it('can ask the database with its first act and with its last', async () => {
    const farewell = `trap "${PSQL} -c \\"UPDATE orders SET status = 'farewell' WHERE id = 5\\"; exit" TERM`;
    const script = `${PSQL} -c 'SELECT count(*) FROM orders' > /tmp/first 2>&1; ${farewell}; sleep infinity & wait`;
    await apply([agentPod('mortal', { command: ['sh', '-c', script], spec: { terminationGracePeriodSeconds: 30 } })]);
    await ready('mortal');
    expect((await inAgent('mortal', ['cat', '/tmp/first'])).stdout).toBe('24\n');
    await kubectlDone(['delete', 'pod', 'mortal', '-n', AGENTS, '--timeout=60s']);
    expect(await asSuperuser('SELECT status FROM orders WHERE id = 5')).toBe('farewell\n');
  });

  it('completes its Job, also by an init container that asks the database', async () => {
    const container = { image: AGENT_IMAGE, imagePullPolicy: 'IfNotPresent' };
    const command = ['sh', '-c', `${PSQL} -c 'SELECT count(*) FROM orders'`];
    const { metadata, spec } = agentPod('counting', {
      spec: {
        restartPolicy: 'Never',
        initContainers: [{ ...container, name: 'before', command }],
        containers: [
          { ...container, name: 'agent', command },
          { ...container, name: 'second', command },
        ],
      },
    }) as { metadata: { labels: object; annotations: object }; spec: object };
    const template = { metadata: { labels: metadata.labels, annotations: metadata.annotations }, spec };
    await apply([
      { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'counting', namespace: AGENTS }, spec: { backoffLimit: 0, template } },
    ]);
    await kubectlDone(['wait', '--for=condition=Complete', 'job/counting', '-n', AGENTS, '--timeout=120s']);
    for (const name of ['before', 'agent', 'second']) {
      expect(await kubectlDone(['logs', 'job/counting', '-n', AGENTS, '-c', name])).toBe('24\n');
    }
    await kubectlDone(['delete', 'job', 'counting', '-n', AGENTS]);
  });

  it('is not ready before a policy is in force for it', async () => {
    await apply([agentPod('waiting', { labels: { team: 'late' } })]);
    const condition = async (type: string): Promise<string | undefined> => {
      const { status } = await getObject<Pod>(['pod', 'waiting', '-n', AGENTS]);
      return status.conditions.find((one) => one.type === type)?.status;
    };
    await vi.waitFor(async () => expect(await condition('Initialized')).toBe('True'), { timeout: 60_000, interval: 500 });
    expect(await condition('Ready')).toBe('False');
    expect((await psql('waiting', 'SELECT count(*) FROM orders')).code).not.toBe(0);
    const { spec } = policy() as { spec: object };
    await apply([
      {
        ...policy(),
        metadata: { name: 'late', namespace: AGENTS },
        spec: { ...spec, subjects: [{ pod: { matchLabels: { team: 'late' } } }] },
      },
    ]);
    await ready('waiting');
    expect((await psql('waiting', 'SELECT count(*) FROM orders')).stdout).toBe('24');
    await kubectlDone(['delete', 'pod/waiting', 'dap/late', '-n', AGENTS]);
  });
});
