/**
 * The Secrets that the operator puts beside agents, with a real API server; and what a crowd of objects costs.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { OPERATOR, OPERATOR_NAMESPACE } from '../support/controllers.ts';
import { namespaceOf, PASSWORD, shown, soon, Stage } from '../support/stage.ts';

// On a busy machine much takes long; none of it is measured.
vi.setConfig({ testTimeout: 180_000 });

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
}, 120_000);
afterAll(() => stage?.close());
beforeEach(() => stage.next());

/** Long enough for every controller to have looked. */
const aWhile = (): Promise<void> => pause(1_500);

const wanted = (password = PASSWORD, controlCa = 'CONTROL-CA-1') => ({
  username: 'app',
  password,
  'ca.crt': stage.authority.cert,
  'control-ca.crt': controlCa,
});

const connected = async (): Promise<void> => {
  await stage.goodSecret();
  await stage.connection();
};

describe('a managed Secret', () => {
  it('comes with the first pod that needs it, and goes with the last', async () => {
    await connected();
    await aWhile();
    expect([await stage.managed(), await stage.label()]).toEqual([undefined, undefined]);
    await stage.pod('one');
    await expect.poll(() => stage.managed(), soon).toEqual(wanted());
    expect(await stage.label()).toBe('true');
    await stage.pod('two');
    await stage.deletePod('one');
    await aWhile();
    expect(await stage.managed()).toEqual(wanted());
    await stage.finishPod('Succeeded', 'two');
    await expect.poll(() => stage.managed(), soon).toBeUndefined();
    await expect.poll(() => stage.label(), soon).toBeUndefined();
  });

  it('goes when the label is taken off its last pod; the namespace is guarded until the sidecar there has ended', async () => {
    await connected();
    await stage.pod('one', { spec: { initContainers: [{ name: 'pg-airlock', image: 'proxy', restartPolicy: 'Always' }] } });
    await expect.poll(() => stage.managed(), soon).toEqual(wanted());
    const path = `/api/v1/namespaces/${stage.agents}/pods/one`;
    await stage.must('PATCH', path, { metadata: { labels: { 'pg-airlock.dev/agent': null } } });
    await expect.poll(() => stage.managed(), soon).toBeUndefined();
    await aWhile();
    expect(await stage.label()).toBe('true');
    await stage.deletePod('one');
    await expect.poll(() => stage.label(), soon).toBeUndefined();
  });

  it('takes on a new password, user and authority, of the database and of the operator', async () => {
    await connected();
    await stage.pod();
    await expect.poll(() => stage.managed(), soon).toEqual(wanted());
    await stage.patchSecret({ password: 'another' });
    await expect.poll(() => stage.managed(), soon).toEqual(wanted('another'));
    stage.running?.changeCa('CONTROL-CA-2');
    await expect.poll(() => stage.managed(), soon).toEqual(wanted('another', 'CONTROL-CA-2'));
    stage.running?.changeCa('CONTROL-CA-1');
    await stage.patchConnection({ tls: { mode: 'VerifyFull', caSecretRef: null } });
    await expect.poll(() => stage.managed(), soon).toEqual({ username: 'app', password: 'another', 'control-ca.crt': 'CONTROL-CA-1' });
  });

  it('is put back when somebody deletes it, changes it, or adds to it', async () => {
    await connected();
    await stage.pod();
    await expect.poll(() => stage.managed(), soon).toEqual(wanted());
    await stage.must('DELETE', stage.managedPath());
    await expect.poll(() => stage.managed(), soon).toEqual(wanted());
    await stage.must('PATCH', stage.managedPath(), { stringData: { password: 'theirs', extra: 'x' } });
    await expect.poll(() => stage.managed(), soon).toEqual(wanted());
    await stage.must('PATCH', `/api/v1/namespaces/${stage.agents}`, { metadata: { labels: { 'pg-airlock.dev/managed': null } } });
    await expect.poll(() => stage.label(), soon).toBe('true');
  });

  it.each<[string, () => Promise<unknown>]>([
    ['the connection no longer lets the namespace in', () => stage.patchConnection({ allowedNamespaces: null })],
    ['the connection verifies its server no longer', () => stage.patchConnection({ tls: { mode: 'Require', caSecretRef: null } })],
    ['the connection is deleted', () => stage.deleteConnection()],
    ['the source Secret is deleted', () => stage.must('DELETE', `/api/v1/namespaces/${stage.data}/secrets/shop-db`)],
    [
      'the pod is no agent any more',
      () =>
        stage.must('PATCH', `/api/v1/namespaces/${stage.agents}/pods/agent`, { metadata: { labels: { 'pg-airlock.dev/agent': null } } }),
    ],
    ['the pod has failed', () => stage.finishPod('Failed')],
  ])('goes when %s', async (_, change) => {
    await connected();
    await stage.pod();
    await expect.poll(() => stage.managed(), soon).toEqual(wanted());
    await change();
    await expect.poll(() => stage.managed(), soon).toBeUndefined();
    await expect.poll(() => stage.label(), soon).toBeUndefined();
  });

  it.each([
    ['Require', 'True Ready'],
    ['Disable', 'False LoginRefused'],
  ])('is not made for a connection with TLS mode %s unless the operator is told to, which is told', async (mode, otherwise) => {
    await stage.goodSecret();
    await stage.connection({ tls: { mode } });
    await stage.policy();
    await stage.pod();
    await expect.poll(() => stage.events(stage.agents), soon).toContain('Warning ServerNotVerified Pod agent');
    await expect.poll(async () => shown(await stage.shop()), soon).toMatchObject({ Ready: 'False ServerNotVerified' });
    await expect
      .poll(async () => shown(await stage.reading()), soon)
      .toEqual({ Ready: 'False ServerNotVerified', Accepted: 'False ServerNotVerified', Enforced: 'False NotAccepted' });
    expect(await stage.message(stage.shop(), 'Ready')).toMatch(
      `No agent is given DatabaseConnection "${stage.data}/shop": its spec.tls.mode ${mode} verifies nothing`,
    );
    await aWhile();
    expect([await stage.managed(), await stage.label()]).toEqual([undefined, undefined]);
    await stage.restart({}, { allowUnverifiedServers: true });
    await expect.poll(() => stage.managed(), soon).toMatchObject({ password: PASSWORD });
    await expect.poll(async () => shown(await stage.shop()), soon).toMatchObject({ Ready: otherwise });
    await stage.restart();
    await expect.poll(() => stage.managed(), soon).toBeUndefined();
  });

  it('goes where its pod went while no operator ran', async () => {
    await connected();
    await stage.pod();
    await expect.poll(() => stage.managed(), soon).toEqual(wanted());
    await stage.running?.stop();
    await stage.deletePod();
    await stage.restart();
    await expect.poll(() => stage.managed(), soon).toBeUndefined();
    await expect.poll(() => stage.label(), soon).toBeUndefined();
  });

  it('stays, and is not even written, when another replica takes over', async () => {
    await connected();
    await stage.pod();
    await expect.poll(() => stage.managed(), soon).toEqual(wanted());
    const { writes } = await stage.restart();
    await aWhile();
    expect(
      writes.filter((line) => line.includes('/secrets') || line.includes('/namespaces/agents') || line.includes('configmaps')),
    ).toEqual([]);
    expect(await stage.managed()).toEqual(wanted());
  });

  it('is in each namespace with agents, and goes from each by itself', async () => {
    await stage.goodSecret();
    await stage.connection({ allowedNamespaces: {} });
    const other = `${stage.agents}-b`;
    await stage.must('POST', '/api/v1/namespaces', namespaceOf(other));
    await stage.pod();
    await stage.pod('agent', { namespace: other });
    await stage.pod('agent', { namespace: stage.data, names: 'shop' });
    for (const namespace of [stage.agents, other, stage.data]) await expect.poll(() => stage.managed(namespace), soon).toEqual(wanted());
    await stage.deletePod();
    await expect.poll(() => stage.managed(), soon).toBeUndefined();
    expect(await stage.managed(other)).toEqual(wanted());
  });

  it('is never made where the connection does not let the namespace in, or no admission rule guards it', async () => {
    await stage.goodSecret();
    await stage.connection({ allowedNamespaces: {} });
    const closed = `${stage.agents}-closed`;
    await stage.must('POST', '/api/v1/namespaces', namespaceOf(closed));
    for (const namespace of ['excluded', OPERATOR_NAMESPACE, 'kube-system']) await stage.pod(stage.agents, { namespace });
    await aWhile();
    for (const namespace of ['excluded', OPERATOR_NAMESPACE, 'kube-system']) {
      expect([await stage.managed(namespace), await stage.label(namespace)]).toEqual([undefined, undefined]);
    }
    await stage.patchConnection({ allowedNamespaces: null });
    await stage.pod('agent', { namespace: closed });
    await aWhile();
    expect([await stage.managed(closed), await stage.label(closed)]).toEqual([undefined, undefined]);
  });

  it("is not made over somebody else's, which is told", async () => {
    await stage.secret({ theirs: 'x' }, `pg-airlock-${stage.data}.shop`, stage.agents);
    await connected();
    await stage.pod();
    await expect.poll(() => stage.events(stage.data), soon).toContain('Warning SecretNotOurs DatabaseConnection shop');
    expect(await stage.managed()).toEqual({ theirs: 'x' });
    await stage.deletePod();
    await aWhile();
    expect(await stage.managed()).toEqual({ theirs: 'x' });
  });

  it('is not made while the API server lacks the admission policies, which is told', async () => {
    const path = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings';
    type Binding = { readonly metadata: { readonly name: string }; readonly spec: unknown };
    const { metadata, spec } = (await stage.must('GET', `${path}/pg-airlock-operator-secrets`)) as Binding;
    await stage.must('DELETE', `${path}/${metadata.name}`);
    // Policies go, as they come, a second or three later.
    const unlabelled = { metadata: { name: 'unlabelled' } };
    const asOperator = async (): Promise<number> =>
      (await stage.cluster.request('POST', `/api/v1/namespaces/${stage.data}/secrets?dryRun=All`, unlabelled, { as: OPERATOR })).status;
    try {
      await expect.poll(asOperator, soon).toBe(201);
      await connected();
      await stage.pod();
      await expect.poll(() => stage.events(stage.data), soon).toContain('Warning NotGuarded DatabaseConnection shop');
      await aWhile();
      expect(await stage.managed()).toBeUndefined();
    } finally {
      await stage.must('POST', path, { metadata: { name: metadata.name }, spec });
    }
    await expect.poll(() => stage.managed(), { timeout: 30_000, interval: 100 }).toEqual(wanted());
  });

  it('leaves a namespace marked that was marked for good', async () => {
    await stage.must('PATCH', `/api/v1/namespaces/${stage.agents}`, { metadata: { labels: { 'pg-airlock.dev/managed': 'always' } } });
    await connected();
    await stage.pod();
    await expect.poll(() => stage.managed(), soon).toEqual(wanted());
    await stage.deletePod('agent');
    await expect.poll(() => stage.managed(), soon).toBeUndefined();
    await aWhile();
    expect(await stage.label()).toBe('always');
  });

  it('stays where the source cannot be read for a while, and the connection tells of it', async () => {
    await connected();
    await stage.pod();
    await expect.poll(() => stage.managed(), soon).toEqual(wanted());
    const roles = ['pg-airlock-operator', 'pg-airlock-operator-secrets'].map(
      (name) => `/apis/rbac.authorization.k8s.io/v1/clusterroles/${name}`,
    );
    type Role = { readonly rules: readonly { readonly resources: readonly string[] }[] };
    const before = await Promise.all(roles.map(async (role) => (await stage.must('GET', role)) as Role));
    const lost = new Set(['secrets', 'subjectaccessreviews']);
    for (const [index, role] of roles.entries()) {
      const rules = before[index]?.rules.filter(({ resources }) => !resources.some((resource) => lost.has(resource)));
      await stage.must('PATCH', role, { rules });
    }
    try {
      await expect
        .poll(async () => shown(await stage.shop()), soon)
        .toMatchObject({
          Ready: 'Unknown Forbidden',
          CredentialsAvailable: 'Unknown Forbidden',
          CredentialsExposed: 'Unknown NotAsked',
          Reachable: 'True LoggedIn',
        });
      expect(await stage.message(stage.shop(), 'CredentialsAvailable')).toBe(
        `The operator may not read Secret "${stage.data}/shop-db". Let its service account "get" Secrets there.`,
      );
      expect(await stage.managed()).toEqual(wanted());
      // Also a new leader, who has never read it.
      await stage.restart();
      await aWhile();
      expect(await stage.managed()).toEqual(wanted());
    } finally {
      for (const [index, role] of roles.entries()) await stage.must('PATCH', role, { rules: before[index]?.rules });
    }
    await expect
      .poll(async () => shown(await stage.shop()), soon)
      .toMatchObject({ Ready: 'True Ready', CredentialsExposed: 'False NotExposed' });
  });
});

describe('a pod that gets no credentials', () => {
  it.each<[string, () => Promise<unknown>, () => Promise<unknown>]>([
    ['ConnectionNotFound', async () => undefined, () => stage.pod()],
    ['CredentialsNotAvailable', () => stage.connection(), () => stage.pod()],
    [
      'NamespaceNotAllowed',
      async () => {
        await stage.goodSecret();
        await stage.connection({ allowedNamespaces: null });
      },
      () => stage.pod(),
    ],
  ])('is told of %s, once', async (reason, prepare, start) => {
    await prepare();
    await start();
    await expect.poll(() => stage.events(stage.agents), soon).toEqual([`Warning ${reason} Pod agent`]);
    await aWhile();
    expect(await stage.events(stage.agents)).toEqual([`Warning ${reason} Pod agent`]);
  });
});

describe('a label', () => {
  it('that somebody put on a namespace before its first agent stays until the last has gone', async () => {
    await stage.must('PATCH', `/api/v1/namespaces/${stage.agents}`, { metadata: { labels: { 'pg-airlock.dev/managed': 'true' } } });
    await aWhile();
    expect(await stage.label()).toBe('true');
    await connected();
    await stage.pod();
    await expect.poll(() => stage.managed(), soon).toEqual(wanted());
    await stage.deletePod();
    await expect.poll(() => stage.label(), soon).toBeUndefined();
  });
});

describe('500 connections and 500 policies', () => {
  it('are written once or twice each, and not again while nothing changes', { timeout: 120_000 }, async () => {
    await stage.running?.stop();
    await stage.goodSecret();
    const names = Array.from({ length: 500 }, (_, index) => `crowd-${index}`);
    for (let from = 0; from < names.length; from += 50) {
      await Promise.all(
        names
          .slice(from, from + 50)
          .flatMap((name) => [stage.connection({}, name), stage.policy({ connectionRef: { name, namespace: stage.data } }, name)]),
      );
    }
    const began = performance.now();
    const running = await stage.restart({ secretsMs: 3_000, exposureMs: 300_000, databaseMs: 300_000 });
    const isReady = async (): Promise<number> => {
      const ready = await Promise.all(
        ['databaseconnections', 'databaseaccesspolicies'].map(async (plural) => {
          const { items } = (await stage.must('GET', `/apis/pg-airlock.dev/v1alpha1/${plural}`)) as {
            items: readonly { metadata: { name: string }; status?: never }[];
          };
          return items.filter(
            ({ metadata, status }) => metadata.name.startsWith('crowd') && shown(status ?? {})['Ready']?.startsWith('True') === true,
          ).length;
        }),
      );
      return ready.reduce((sum, count) => sum + count, 0);
    };
    await expect.poll(isReady, { timeout: 90_000, interval: 500 }).toBe(1000);
    const seconds = (performance.now() - began) / 1000;
    const written = running.writes.filter((line) => line.includes('crowd')).length;
    console.log(`500 connections and 500 policies: all ready after ${seconds.toFixed(1)} s, ${written} writes`);
    expect(written).toBeLessThanOrEqual(2_000);
    await pause(2_000);
    const settled = running.writes.length;
    // For all of them to look at their Secrets twice.
    await pause(8_000);
    expect(running.writes.slice(settled)).toEqual([]);
  });
});
