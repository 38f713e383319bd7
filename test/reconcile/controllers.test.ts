/**
 * What the controllers say of connections and policies, with a real API server and a real PostgreSQL.
 */
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { tallyConfigMap } from '../../operator/specs/tally.ts';
import { OPERATOR_NAMESPACE } from '../support/controllers.ts';
import { PASSWORD, shown, soon, Stage } from '../support/stage.ts';

// On a busy machine much takes long; none of it is measured.
vi.setConfig({ testTimeout: 180_000 });

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
}, 120_000);
afterAll(() => stage?.close());
beforeEach(() => stage.next());

const GOOD = {
  Ready: 'True Ready',
  CredentialsAvailable: 'True Complete',
  Reachable: 'True LoggedIn',
  LeastPrivilege: 'True NothingBeyondGrants',
  CredentialsExposed: 'False NotExposed',
};

describe('a connection', () => {
  it('is ready where all is well', async () => {
    await stage.goodSecret();
    await stage.connection();
    await expect.poll(async () => shown(await stage.shop()), soon).toEqual(GOOD);
    const status = await stage.shop();
    expect([status['observedGeneration'], status['serverVersion']]).toEqual([1, expect.stringMatching(/^18\.\d+$/)]);
    expect(status.conditions?.map(({ observedGeneration }) => observedGeneration)).toEqual([1, 1, 1, 1, 1]);
    await expect.poll(() => stage.events(stage.data), soon).toContain('Normal Ready DatabaseConnection shop');
  });

  it('tells of a Secret that is not there, that lacks a key, and that has come', async () => {
    await stage.connection();
    await expect.poll(async () => shown(await stage.shop())['Ready'], soon).toBe('False SecretNotFound');
    expect(await stage.message(stage.shop(), 'CredentialsAvailable')).toBe(
      `Secret "${stage.data}/shop-db" does not exist. Create it with "username" and "password" and "ca.crt".`,
    );
    await expect.poll(() => stage.events(stage.data), soon).toContain('Warning SecretNotFound DatabaseConnection shop');
    await stage.secret({ username: 'app', 'ca.crt': stage.authority.cert });
    await expect.poll(async () => shown(await stage.shop())['Ready'], soon).toBe('False SecretIncomplete');
    await stage.patchSecret({ password: PASSWORD });
    await expect.poll(async () => shown(await stage.shop()), soon).toEqual(GOOD);
  });

  it('tells of a password that is wrong, and never which', async () => {
    await stage.secret({ username: 'app', password: 'wrong-s3cret', 'ca.crt': stage.authority.cert });
    await stage.connection();
    await expect.poll(async () => shown(await stage.shop())['Reachable'], soon).toBe('False PasswordRefused');
    const told = JSON.stringify([await stage.shop(), await stage.must('GET', `/apis/events.k8s.io/v1/namespaces/${stage.data}/events`)]);
    expect(told).not.toContain('s3cret');
    await stage.patchSecret({ password: PASSWORD });
    await expect.poll(async () => shown(await stage.shop())['Ready'], soon).toBe('True Ready');
  });

  it('is checked anew where it was changed', async () => {
    await stage.goodSecret();
    await stage.connection({ database: 'shoop' });
    await expect.poll(async () => shown(await stage.shop())['Ready'], soon).toBe('False DatabaseNotFound');
    await stage.patchConnection({ database: 'shop' });
    await expect.poll(async () => shown(await stage.shop()), soon).toEqual(GOOD);
    expect((await stage.shop())['observedGeneration']).toBe(2);
  });

  it('tells of a database that is down, and of its return', async () => {
    await stage.restart({ databaseMs: 500 });
    await stage.goodSecret();
    await stage.connection();
    await expect.poll(async () => shown(await stage.shop())['Ready'], soon).toBe('True Ready');
    await stage.database.halt();
    try {
      await expect.poll(async () => shown(await stage.shop())['Ready'], soon).toBe('False ConnectionRefused');
      // What it said of its role before is what is known.
      expect(shown(await stage.shop())['LeastPrivilege']).toBe('True NothingBeyondGrants');
    } finally {
      await stage.database.start();
    }
    await expect.poll(async () => shown(await stage.shop()), soon).toEqual(GOOD);
    await stage.restart();
  });

  it('tells of a role that can do too much', async () => {
    await stage.database.sql('ALTER ROLE app BYPASSRLS');
    try {
      await stage.goodSecret();
      await stage.connection();
      await expect.poll(async () => shown(await stage.shop())['LeastPrivilege'], soon).toBe('False BypassRowSecurity');
      // It does not keep agents out.
      expect(shown(await stage.shop())['Ready']).toBe('True Ready');
    } finally {
      await stage.database.sql('ALTER ROLE app NOBYPASSRLS');
    }
  });

  it('tells who else may read its Secrets, where they are copied to, too', async () => {
    await stage.goodSecret();
    await stage.connection();
    await stage.pod();
    await expect.poll(async () => shown(await stage.shop())['CredentialsExposed'], soon).toBe('False NotExposed');
    await stage.cluster.apply([
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'reader', namespace: stage.agents },
        rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list'] }],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'reader', namespace: stage.agents },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
        subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: stage.agents }],
      },
    ]);
    await stage.restart();
    await expect.poll(async () => shown(await stage.shop())['CredentialsExposed'], soon).toBe('True ReadableByOthers');
    expect(await stage.message(stage.shop(), 'CredentialsExposed')).toBe(
      `service account ${stage.agents}/default may get, list Secret "${stage.agents}/pg-airlock-${stage.data}.shop". Take "secrets" out of the Roles and ClusterRoles that they are bound to, or bind these to others.`,
    );
    expect(shown(await stage.shop())['Ready']).toBe('True Ready');
  });
});

describe('a database that is down', () => {
  it('is asked by one session at a time, ever less often, whatever is done to connections and policies', async () => {
    let [open, most, attempts] = [0, 0, 0];
    const listening = createServer((socket) => {
      attempts += 1;
      most = Math.max(most, ++open);
      socket.on('error', () => {});
      socket.on('close', () => {
        open -= 1;
      });
      setTimeout(() => socket.destroy(), 50);
    });
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const { port } = listening.address() as AddressInfo;
    try {
      await stage.restart({ firstRetryMs: 1_000 });
      await stage.goodSecret();
      for (const name of ['shop', 'shop-b', 'shop-c']) await stage.connection({ port }, name);
      await stage.policy();
      await expect.poll(async () => shown(await stage.shop())['Reachable'], soon).toBe('False ConnectionLost');
      for (let count = 0; count < 30; count += 1) {
        await stage.patchPolicy({ functions: [{ name: `public.f${count}` }] });
        await stage.patchConnection({ allowedNamespaces: { matchLabels: { count: `${count}` } } });
      }
      await expect.poll(async () => (await stage.reading())['observedGeneration'], soon).toBe(31);
      // Three connections, each at 0, 1, 3 and 7 s, a fifth more or less.
      expect(attempts).toBeLessThanOrEqual(12);
      expect(most).toBe(1);
      // New credentials are tried at once.
      const before = attempts;
      await stage.patchSecret({ password: 'another' });
      await expect.poll(() => attempts, soon).toBeGreaterThan(before);
    } finally {
      listening.close();
      await stage.restart();
    }
  });
});

describe('a policy', () => {
  const conditions = async () => shown(await stage.reading());
  const accepted = (message: string | RegExp) => expect.poll(() => stage.message(stage.reading(), 'Accepted'), soon).toMatch(message);

  it('is ready where nobody is selected, and where all pods report it', async () => {
    await stage.goodSecret();
    await stage.connection();
    await stage.policy();
    await expect.poll(conditions, soon).toEqual({ Ready: 'True NoAgents', Accepted: 'True Accepted', Enforced: 'True NoAgents' });
    await stage.pod('one');
    await stage.pod('two');
    await stage.pod('elsewhere', { names: 'other' });
    await expect
      .poll(conditions, soon)
      .toEqual({ Ready: 'False NotYetEverywhere', Accepted: 'True Accepted', Enforced: 'False NotYetEverywhere' });
    expect(await stage.message(stage.reading(), 'Enforced')).toContain('in force in 0 of 2 pods');

    const report = async (replica: string, generation: number, pods: number, blocked: number): Promise<void> => {
      const tally = new Map([[`${stage.agents}/reading`, { generation, pods, blocked, masked: 3 }]]);
      await stage.cluster.apply([tallyConfigMap({ namespace: OPERATOR_NAMESPACE, name: replica, uid: undefined }, tally)]);
    };
    await report('operator-a', 1, 1, 5);
    await report('operator-b', 1, 1, 6);
    await expect.poll(() => stage.reading(), soon).toMatchObject({ pods: 2, blocked: 11, masked: 6 });
    expect(await conditions()).toEqual({ Ready: 'True InForce', Accepted: 'True Accepted', Enforced: 'True InForce' });

    await stage.patchPolicy({ mode: 'Audit' });
    await expect.poll(conditions, soon).toMatchObject({ Enforced: 'False NotYetEverywhere' });
    expect((await stage.reading())['observedGeneration']).toBe(2);
    await report('operator-a', 2, 1, 5);
    await report('operator-b', 2, 1, 6);
    await expect.poll(conditions, soon).toMatchObject({ Ready: 'True InForce' });
    expect(await stage.message(stage.reading(), 'Enforced')).toContain('Mode Audit lets through');
  });

  it('is not written for every statement that its agents send', async () => {
    await stage.goodSecret();
    await stage.connection();
    await stage.policy();
    await stage.pod();
    const report = async (blocked: number): Promise<void> => {
      const tally = new Map([[`${stage.agents}/reading`, { generation: 1, pods: 1, blocked, masked: 0 }]]);
      await stage.cluster.apply([tallyConfigMap({ namespace: OPERATOR_NAMESPACE, name: 'operator-c', uid: undefined }, tally)]);
    };
    await report(0);
    await expect.poll(conditions, soon).toMatchObject({ Ready: 'True InForce' });
    const { writes } = await stage.restart({ talliesMs: 50, countsMs: 60_000 });
    // The first is told at once.
    await report(1);
    await expect.poll(() => stage.reading(), soon).toMatchObject({ blocked: 1 });
    for (let blocked = 2; blocked < 8; blocked += 1) await report(blocked);
    await stage.patchPolicy({ mode: 'Audit' });
    await expect.poll(() => stage.reading(), soon).toMatchObject({ observedGeneration: 2 });
    expect((await stage.reading())['blocked']).toBeGreaterThan(1);
    expect(writes.filter((line) => line.includes(`${stage.agents}/databaseaccesspolicies`)).length).toBeLessThanOrEqual(3);
    await stage.restart();
  });

  it('names what the database does not have, and takes back its word when that has changed', async () => {
    await stage.goodSecret();
    await stage.connection();
    await stage.policy({ relations: [{ name: 'public.custumers', select: { columns: ['id'] } }] });
    await accepted('Relation public.custumers does not exist. Did you mean public.customers?');
    expect(await conditions()).toMatchObject({ Ready: 'False RelationNotFound', Accepted: 'False RelationNotFound' });
    await expect.poll(() => stage.events(stage.agents), soon).toContain('Warning RelationNotFound DatabaseAccessPolicy reading');
    await stage.patchPolicy({ relations: [{ name: 'public.customers', select: { masks: [{ column: 'id', mask: { type: 'Email' } }] } }] });
    await accepted('Mask Email cannot serve column id of public.customers, whose type is integer.');
    await stage.patchPolicy({ relations: [{ name: 'public.customers', select: { columns: ['id'] }, where: 'mail IS NULL' }] });
    await accepted('The row filter of public.customers: column "mail" does not exist.');
    await stage.patchPolicy({ relations: [{ name: 'public.customers', select: { columns: ['id'] } }] });
    await accepted('The database has what the policy names.');
  });

  it('tells of a connection that is not there, that does not let it in, and that then does', async () => {
    await stage.policy();
    await expect.poll(conditions, soon).toMatchObject({ Ready: 'False ConnectionNotFound', Enforced: 'False NotAccepted' });
    await stage.goodSecret();
    await stage.connection({ allowedNamespaces: { matchLabels: { team: 'reports' } } });
    await expect.poll(conditions, soon).toMatchObject({ Ready: 'False NamespaceNotAllowed' });
    await stage.must('PATCH', `/api/v1/namespaces/${stage.agents}`, { metadata: { labels: { team: 'reports' } } });
    await expect.poll(conditions, soon).toMatchObject({ Ready: 'True NoAgents' });
    await stage.deleteConnection();
    await expect.poll(conditions, soon).toMatchObject({ Ready: 'False ConnectionNotFound' });
  });

  it('is well formed though the database cannot be asked', async () => {
    await stage.connection();
    await stage.policy();
    await expect.poll(conditions, soon).toMatchObject({ Ready: 'True NoAgents', Accepted: 'True DatabaseNotAsked' });
    expect(await stage.message(stage.reading(), 'Accepted')).toContain('its DatabaseConnection has no credentials');
    await stage.goodSecret();
    await expect.poll(conditions, soon).toMatchObject({ Accepted: 'True Accepted' });
  });

  it('tells of a key for masks that is not there, and that has come', async () => {
    await stage.goodSecret();
    await stage.connection();
    const mask = { type: 'Hash', hash: { keySecretRef: { name: 'masking', key: 'key' } } };
    await stage.policy({ relations: [{ name: 'public.customers', where: 'id > 0', select: { masks: [{ column: 'email', mask }] } }] });
    await accepted(new RegExp(`keySecretRef.name: Secret "${stage.agents}/masking" does not exist`));
    await stage.secret({ key: 'short-s3cret' }, 'masking', stage.agents);
    await accepted('is shorter than 16 bytes');
    await stage.must('PATCH', `/api/v1/namespaces/${stage.agents}/secrets/masking`, { stringData: { key: 's3cret-0123456789abcdef' } });
    await accepted('The database has what the policy names.');
    expect(JSON.stringify(await stage.reading())).not.toContain('s3cret');
  });

  it('begins and ends at its time', async () => {
    await stage.goodSecret();
    await stage.connection();
    const at = (ms: number): string => new Date(Date.now() + ms).toISOString();
    await stage.policy({ validity: { notBefore: at(3_600_000) } });
    await expect.poll(conditions, soon).toMatchObject({ Ready: 'False NotYetValid', Accepted: 'True Accepted' });
    // The turn is noticed without any further change.
    await stage.patchPolicy({ validity: { notBefore: at(2_000) } });
    await expect.poll(conditions, soon).toMatchObject({ Ready: 'True NoAgents' });
    await stage.patchPolicy({ validity: { notAfter: at(2_000) } });
    await expect.poll(conditions, soon).toMatchObject({ Ready: 'False Expired', Enforced: 'False Expired' });
  });
});
