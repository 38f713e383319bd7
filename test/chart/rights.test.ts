/** What the chart lets the operator and people do: asked of a real API server, for every kind that it has. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHART, RELEASE, RELEASE_NAMESPACE } from '../support/chart.ts';
import { type ControlPlane, startControlPlane } from '../support/kubernetes.ts';

const OPERATOR = 'system:serviceaccount:pg-airlock:pg-airlock-operator';
/** All that the operator may do in any namespace of agents, besides what every account may. */
const EVERYWHERE = [
  'get patch mutatingwebhookconfigurations.admissionregistration.k8s.io "pg-airlock"',
  'get patch validatingwebhookconfigurations.admissionregistration.k8s.io "pg-airlock"',
  'create tokenreviews.authentication.k8s.io',
  'create subjectaccessreviews.authorization.k8s.io',
  'create patch events.events.k8s.io',
  'get list watch databaseaccesspolicies.pg-airlock.dev',
  'get list watch databaseconnections.pg-airlock.dev',
  'patch databaseaccesspolicies/status.pg-airlock.dev',
  'patch databaseconnections/status.pg-airlock.dev',
  'get list watch patch namespaces',
  'get list watch pods',
  'get create patch delete secrets',
];

/** And besides, in its own namespace. */
const AT_HOME = [
  'get list create patch configmaps',
  'create leases.coordination.k8s.io',
  'get update leases.coordination.k8s.io "pg-airlock-operator"',
];

type Rule = {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
};

describe('the rights that the chart gives', { timeout: 120_000 }, () => {
  let cluster: ControlPlane;
  beforeAll(async () => {
    cluster = await startControlPlane();
    await cluster.apply([RELEASE_NAMESPACE, 'agents'].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })));
    const { code, stderr } = await cluster.helm(['install', RELEASE, CHART, '--namespace', RELEASE_NAMESPACE]);
    if (code !== 0) throw new Error(stderr);
  });
  afterAll(() => cluster.stop());

  const bodyOf = async <T>(method: 'GET' | 'POST', path: string, body?: unknown, as?: string): Promise<T> =>
    (await cluster.request(method, path, body, as === undefined ? {} : { as })).body as T;

  const may = async (user: string, attributes: object): Promise<boolean> => {
    const spec = { user, groups: ['system:serviceaccounts', 'system:authenticated'], resourceAttributes: attributes };
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    return (await bodyOf<{ status: { allowed: boolean } }>('POST', path, { spec })).status.allowed;
  };

  /** Lines `verbs resource "name"` of all that RBAC lets a user do there. */
  const rightsOf = async (user: string, namespace: string): Promise<readonly string[]> => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
    const { status } = await bodyOf<{ status: { resourceRules: readonly Rule[]; incomplete: boolean } }>(
      'POST',
      path,
      { spec: { namespace } },
      user,
    );
    expect(status.incomplete).toBe(false);
    return status.resourceRules.flatMap(({ verbs, apiGroups, resources, resourceNames = [] }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => {
          const line = `${verbs.join(' ')} ${resource}${group === '' ? '' : `.${group}`}`;
          return resourceNames.length === 0 ? [line] : resourceNames.map((name) => `${line} "${name}"`);
        }),
      ),
    );
  };

  const besides = (lines: readonly string[], known: readonly string[]): readonly string[] =>
    lines.filter((line) => !known.includes(line)).toSorted();

  it('lets the operator do what is listed here and nothing else', async () => {
    const anybody = await rightsOf('system:serviceaccount:agents:nobody', 'agents');
    expect(besides(await rightsOf(OPERATOR, 'agents'), anybody)).toEqual(EVERYWHERE.toSorted());
    expect(besides(await rightsOf(OPERATOR, RELEASE_NAMESPACE), [...anybody, ...EVERYWHERE])).toEqual(AT_HOME.toSorted());
  });

  it.each([
    ['get', 'coordination.k8s.io', 'leases', 'pg-airlock-operator', true],
    ['update', 'coordination.k8s.io', 'leases', 'pg-airlock-operator', true],
    ['update', 'coordination.k8s.io', 'leases', 'another', false],
    ['patch', 'admissionregistration.k8s.io', 'mutatingwebhookconfigurations', 'pg-airlock', true],
    ['patch', 'admissionregistration.k8s.io', 'validatingwebhookconfigurations', 'pg-airlock', true],
    ['patch', 'admissionregistration.k8s.io', 'mutatingwebhookconfigurations', 'another', false],
    ['delete', 'admissionregistration.k8s.io', 'mutatingwebhookconfigurations', 'pg-airlock', false],
    ['patch', 'admissionregistration.k8s.io', 'validatingadmissionpolicies', 'pg-airlock-pods', false],
  ])('may the operator %s %s/%s "%s"? %s', async (verb, group, resource, name, allowed) => {
    const namespace = resource === 'leases' ? { namespace: RELEASE_NAMESPACE } : {};
    expect(await may(OPERATOR, { group, resource, name, verb, ...namespace })).toBe(allowed);
  });

  it.each(['create', 'get'])('refuses the operator exec, attach, port-forward and logs (%s)', async (verb) => {
    for (const subresource of ['exec', 'attach', 'portforward', 'proxy', 'log', 'ephemeralcontainers']) {
      const attributes = { resource: 'pods', subresource, namespace: 'agents', name: 'agent', verb };
      expect([subresource, await may(OPERATOR, attributes)]).toEqual([subresource, false]);
    }
  });

  it('refuses the operator a list of Secrets, and gives it one that it names', async () => {
    await cluster.apply([{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'shop', namespace: 'agents' } }]);
    const secrets = '/api/v1/namespaces/agents/secrets';
    expect((await cluster.request('GET', secrets, undefined, { as: OPERATOR })).status).toBe(403);
    expect((await cluster.request('GET', `${secrets}?watch=true`, undefined, { as: OPERATOR })).status).toBe(403);
    expect((await cluster.request('GET', `${secrets}/shop`, undefined, { as: OPERATOR })).status).toBe(200);
  });

  it('gives the operator Secrets only in the namespaces that are named, where some are', async () => {
    const named = ['--set', 'rbac.secretNamespaces={data}', '--namespace', RELEASE_NAMESPACE];
    await cluster.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'data' } }]);
    expect(await cluster.helm(['upgrade', RELEASE, CHART, ...named])).toMatchObject({ code: 0 });
    const allowed = ['data', RELEASE_NAMESPACE, 'agents', 'kube-system'].map(async (namespace) => [
      namespace,
      await may(OPERATOR, { resource: 'secrets', verb: 'get', namespace }),
    ]);
    expect(Object.fromEntries(await Promise.all(allowed))).toEqual({
      data: true,
      [RELEASE_NAMESPACE]: true,
      agents: false,
      'kube-system': false,
    });
  });

  it('adds to the roles that people have: view reads, edit writes nothing, admin writes', async () => {
    // What the controller manager makes of the labels.
    const verbsFor = async (role: string): Promise<readonly string[]> => {
      const selector = encodeURIComponent(`rbac.authorization.k8s.io/aggregate-to-${role}=true,app.kubernetes.io/part-of=pg-airlock`);
      const { items } = await bodyOf<{ items: { rules: { resources: string[]; verbs: string[] }[] }[] }>(
        'GET',
        `/apis/rbac.authorization.k8s.io/v1/clusterroles?labelSelector=${selector}`,
      );
      return items.flatMap(({ rules }) => rules.map(({ resources, verbs }) => `${resources.join()}: ${verbs.join(' ')}`));
    };
    const both = 'databaseconnections,databaseaccesspolicies';
    expect(await verbsFor('view')).toEqual([`${both}: get list watch`]);
    expect(await verbsFor('edit')).toEqual([]);
    expect(await verbsFor('admin')).toEqual([`${both}: get list watch create update patch delete deletecollection`]);
  });
});
