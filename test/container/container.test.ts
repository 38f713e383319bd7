/**
 * The proxy in front of PostgreSQL's own container image, where Docker is present: the one server here that npm did not build.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { GenericContainer, Wait } from 'testcontainers';
import { describe, expect, it } from 'vitest';
import { startProxy } from '../support/proxy.ts';

/** `docker info` fails where there is a client and no engine. */
const docker = await promisify(execFile)('docker', ['info']).then(
  () => true,
  () => false,
);

const manifests = (host: string, port: number): string => `
apiVersion: v1
kind: Secret
metadata: { name: passwords }
stringData: { username: postgres, password: upstream-password, agent: agent-password }
---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseConnection
metadata: { name: shop }
spec: { host: ${host}, port: ${port}, database: postgres, tls: { mode: Disable }, credentials: { secretRef: { name: passwords } } }
---
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: shop }
spec:
  connectionRef: { name: shop }
  subjects: [{ agent: { name: agent, passwordSecretRef: { name: passwords, key: agent } } }]
  relations:
    - { name: public.people, select: { columns: [id], masks: [{ column: ssn, mask: { type: Redact } }] } }
`;

describe.skipIf(!docker)('PostgreSQL in a container (needs a Docker engine)', () => {
  it('is read through the airlock with its masks', { timeout: 300_000 }, async () => {
    const container = await new GenericContainer('postgres:17')
      .withEnvironment({ POSTGRES_PASSWORD: 'upstream-password' })
      .withExposedPorts(5432)
      .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
      .start();
    const folder = await mkdtemp(join(tmpdir(), 'pg-airlock-container-'));
    try {
      const [host, port] = [container.getHost(), container.getMappedPort(5432)];
      const owner = new pg.Client({ host, port, user: 'postgres', password: 'upstream-password', database: 'postgres' });
      await owner.connect();
      await owner.query("CREATE TABLE people (id int, ssn text); INSERT INTO people VALUES (1, '123-45-6789')");
      await owner.end();
      await writeFile(join(folder, 'all.yaml'), manifests(host, port));
      const proxy = await startProxy({ manifests: folder });
      const agent = new pg.Client({ connectionString: proxy.url('agent', 'postgres', 'agent-password') });
      await agent.connect();
      expect((await agent.query('SELECT * FROM people')).rows).toEqual([{ id: 1, ssn: '***' }]);
      await expect(agent.query('DROP TABLE people')).rejects.toMatchObject({ code: '42501' });
      await agent.end();
      await proxy.stop();
    } finally {
      await rm(folder, { recursive: true });
      await container.stop();
    }
  });
});
