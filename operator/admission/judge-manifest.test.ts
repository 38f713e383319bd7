import { describe, expect, it } from 'vitest';
import type { AdmissionRequest, Verdict } from './admission-review.ts';
import { judgeManifest as judge } from './judge-manifest.ts';

const policy = (spec: object, metadata: object = { name: 'shop', namespace: 'agents' }): object => ({
  apiVersion: 'pg-airlock.dev/v1alpha1',
  kind: 'DatabaseAccessPolicy',
  metadata,
  spec: {
    connectionRef: { name: 'nowhere', namespace: 'data' },
    subjects: [{ pod: { matchLabels: { app: 'agent' } } }],
    relations: [{ name: 'public.customers', select: { columns: ['*'] } }],
    ...spec,
  },
});

const connection = (spec: object): object => ({
  apiVersion: 'pg-airlock.dev/v1alpha1',
  kind: 'DatabaseConnection',
  metadata: { name: 'shop', namespace: 'data' },
  spec: { host: 'db.example.com', database: 'shop', credentials: { secretRef: { name: 'not-yet' } }, ...spec },
});

const request = (object: unknown, more: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
  uid: '1',
  operation: 'CREATE',
  resource: 'pg-airlock.dev/v1alpha1/databaseaccesspolicies',
  namespace: 'agents',
  name: 'shop',
  object,
  oldObject: null,
  ...more,
});

const judgeManifest = (asked: AdmissionRequest, allowUnverifiedServers = false): Verdict => judge(asked, { allowUnverifiedServers });

const ALLOWED = { type: 'Allowed', patch: [], warnings: [] };

describe('judgeManifest()', () => {
  it.each([
    ['a policy whose connection does not exist', policy({})],
    ['a policy of a name that is still to be made', policy({}, { generateName: 'shop-', namespace: 'agents' })],
    [
      'a policy with a key in a Secret that does not exist',
      policy({
        relations: [
          {
            name: 'public.customers',
            select: {
              columns: ['*'],
              masks: [{ column: 'ssn', mask: { type: 'Hash', hash: { keySecretRef: { name: 'keys', key: 'ssn' } } } }],
            },
          },
        ],
      }),
    ],
    ['a connection whose Secret does not exist', connection({})],
    ['a connection whose authority does not exist', connection({ tls: { caSecretRef: { name: 'not-yet', key: 'ca.crt' } } })],
    ['a status that no schema knows', { ...policy({}), status: { future: true } }],
  ])('allows %s', (_, object) => {
    expect(judgeManifest(request(object))).toEqual(ALLOWED);
  });

  const unverified = (mode: string): string =>
    `spec.tls.mode: ${mode} verifies nothing, and root in an agent's pod can lead the sidecar to another host, by /etc/hosts, and so take over its ` +
    "session with the database. Use VerifyFull, and name the authority that signed the server's certificate in spec.tls.caSecretRef. Where every " +
    "agent may have all that the connection's role may do, set the chart's value connections.allowUnverifiedServers to true";

  it.each(['Disable', 'Require'])('refuses TLS mode %s, which does not keep an agent from the session, unless told', (mode) => {
    const asked = request(connection({ tls: { mode } }));
    expect(judgeManifest(asked)).toEqual({ type: 'Refused', code: 422, reason: 'Invalid', message: unverified(mode) });
    expect(judgeManifest(asked, true)).toEqual({ ...ALLOWED, warnings: [unverified(mode)] });
  });

  it('does not let a connection that verifies its server become one that does not, and lets that be labelled', () => {
    const [before, after] = [connection({ tls: { mode: 'VerifyFull' } }), connection({ tls: { mode: 'Require' } })];
    expect(judgeManifest(request(after, { operation: 'UPDATE', oldObject: before })).type).toBe('Refused');
    expect(judgeManifest(request(after, { operation: 'UPDATE', oldObject: after }))).toEqual(ALLOWED);
    expect(judgeManifest(request(before, { operation: 'UPDATE', oldObject: after }))).toEqual(ALLOWED);
  });

  it.each([
    [
      policy({ relations: [{ name: 'customers', select: { columns: ['*'] } }] }),
      /^spec\.relations\[0\]\.name: "customers" is not of the form that is expected\. The relation as schema\.name/,
    ],
    [policy({ connectionRef: {} }), /^spec\.connectionRef\.name: is missing\./],
    [policy({ mode: 'Enfore' }), /^spec\.mode: "Enfore" is not one of .*Did you mean "Enforce"\?$/],
    [policy({ surprise: 1 }), /^spec\.surprise: unknown field "surprise"/],
    [connection({ host: '' }), /^spec\.host: is empty or too short/],
    [null, /^is not a Kubernetes object\./],
    [{ apiVersion: 'pg-airlock.dev/v1alpha1', kind: 'DatabasePolicy' }, /^kind: "DatabasePolicy" is not a kind of pg-airlock\.dev/],
  ])('refuses %j and says what to do', (object, message) => {
    expect(judgeManifest(request(object))).toEqual({
      type: 'Refused',
      code: 422,
      reason: 'Invalid',
      message: expect.stringMatching(message) as string,
    });
  });

  it('tells of names that are folded', () => {
    const folded = policy({ relations: [{ name: 'public.Customers', select: { columns: ['*'] } }] });
    expect(judgeManifest(request(folded))).toEqual({
      ...ALLOWED,
      warnings: [expect.stringContaining('spec.relations[0].name: public.Customers is read in lower case') as string],
    });
  });

  it('lets an object that was accepted before be labelled, but not changed', () => {
    const wrong = policy({ mode: 'Enfore' });
    expect(judgeManifest(request({ ...wrong, metadata: { name: 'shop', labels: {} } }, { operation: 'UPDATE', oldObject: wrong }))).toEqual(
      ALLOWED,
    );
    expect(judgeManifest(request(wrong, { operation: 'UPDATE', oldObject: policy({}) })).type).toBe('Refused');
    expect(judgeManifest(request(null, { operation: 'DELETE', oldObject: wrong }))).toEqual(ALLOWED);
  });

  it('refuses what is so large that the operator could not bear many of it', () => {
    const large = (count: number) =>
      policy({ functions: Array.from({ length: count }, (_, index) => ({ name: `${'f'.repeat(500)}.${'g'.repeat(100)}${index}` })) });
    expect(judgeManifest(request(large(450)))).toEqual({
      type: 'Refused',
      code: 413,
      reason: 'RequestEntityTooLarge',
      message: expect.stringMatching(/^spec has 27\d{4} characters as JSON, and 262144 is the limit: divide it/) as string,
    });
    // One that is there can still be labelled, and its finalizers removed.
    expect(judgeManifest(request(large(450), { operation: 'UPDATE', oldObject: large(450) }))).toEqual(ALLOWED);
  });

  it('does not change what it is given', () => {
    const object = policy({});
    const before = JSON.stringify(object);
    judgeManifest(request(object));
    expect(JSON.stringify(object)).toBe(before);
  });
});
