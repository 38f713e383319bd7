import { describe, expect, it } from 'vitest';
import type { ParsedManifests } from './bundle-of.ts';
import { parseManifests } from './parse-manifests.ts';
import { problemText } from './problem.ts';

const CONNECTION = `
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseConnection
metadata: { name: shop, namespace: data }
spec:
  host: db.example.com
  database: shop
  credentials: { secretRef: { name: shop-db } }
  allowedNamespaces: { matchLabels: { kubernetes.io/metadata.name: agents } }
`;

const SECRETS = `
apiVersion: v1
kind: Secret
metadata: { name: shop-db, namespace: data }
data: { username: YXBw, password: czNjcmV0LWRi }
---
apiVersion: v1
kind: Secret
metadata: { name: agent, namespace: agents }
stringData: { password: s3cret-agent, key: s3cret-0123456789abcdef, short: s3cret-short, empty: '' }
`;

const policy = (spec: string, name = 'reporting'): string => `
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: ${name}, namespace: agents }
spec:
  connectionRef: { name: shop, namespace: data }
  subjects: [{ agent: { name: reporting-agent, passwordSecretRef: { name: agent } } }]
${spec}`;

const parse = (...texts: readonly string[]): ParsedManifests =>
  parseManifests(texts.map((text, index) => ({ path: `${index}.yaml`, text })));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const FULL = policy(`
  mode: Audit
  validity: { notBefore: '2026-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00+02:00' }
  relations:
    - name: public.customers
      where: region = 'eu'
      select:
        columns: [id, '"fullName"']
        masks:
          - { column: a, mask: { type: Redact } }
          - { column: b, mask: { type: 'Null' } }
          - { column: c, mask: { type: KeepLast, keepLast: { characters: 4 } } }
          - { column: d, mask: { type: KeepFirst, keepFirst: { characters: 2 } } }
          - { column: e, mask: { type: Email } }
          - { column: f, mask: { type: Hash, hash: { keySecretRef: { name: agent } } } }
          - { column: g, mask: { type: Date, date: { precision: Month } } }
          - { column: h, mask: { type: Constant, constant: { value: x } } }
          - { column: i, mask: { type: Expression, expression: { sql: upper(i) } } }
    - name: public."Orders"
      select: { columns: ['*'] }
      insert: { columns: [amount] }
      update: { columns: [status] }
      delete: {}
  functions: [{ name: public.order_total }]
  extensions: [pg_trgm, uuid-ossp]
  settings: [work_mem, app.tenant]
  rules:
    - name: large-change
      match: { statements: [Update], relations: [public.customers], rowsAffectedOver: 100 }
      action: RequireApproval
      approval: { approvers: [{ group: dba }, { user: alice }], validFor: 1h }
  detect: [{ kind: PaymentCard, action: Mask }]
  notices: Withhold
  limits:
    rowsPerStatement: 50000
    bytesPerStatement: 64Mi
    statementTimeout: 30s
    idleTimeout: 10m
    sessionDuration: 8h
    statementsPerMinute: 600
    sessions: 5
`);

describe('parseManifests()', () => {
  it('makes of manifests what the proxy decides with', () => {
    const { bundle, problems } = parse(FULL, SECRETS, CONNECTION);
    expect(problems).toEqual([]);
    expect(bundle?.connections).toEqual(
      new Map([
        [
          'data/shop',
          {
            key: 'data/shop',
            host: 'db.example.com',
            port: 5432,
            database: 'shop',
            tls: { mode: 'VerifyFull', ca: undefined },
            username: 'app',
            password: bytes('s3cret-db'),
            auditDurability: 'Fsync',
          },
        ],
      ]),
    );
    expect(bundle?.policies).toEqual([
      {
        key: 'agents/reporting',
        connection: 'data/shop',
        mode: 'Audit',
        agents: [{ agent: 'reporting-agent', password: bytes('s3cret-agent') }],
        notBefore: new Date('2026-01-01T00:00:00Z'),
        notAfter: new Date('2026-12-31T22:00:00Z'),
        relations: [
          {
            schema: 'public',
            name: 'customers',
            select: {
              columns: ['id', 'fullName'],
              masks: [
                { column: 'a', mask: { type: 'Redact' } },
                { column: 'b', mask: { type: 'Null' } },
                { column: 'c', mask: { type: 'KeepLast', characters: 4 } },
                { column: 'd', mask: { type: 'KeepFirst', characters: 2 } },
                { column: 'e', mask: { type: 'Email' } },
                { column: 'f', mask: { type: 'Hash', key: bytes('s3cret-0123456789abcdef') } },
                { column: 'g', mask: { type: 'Date', precision: 'Month' } },
                { column: 'h', mask: { type: 'Constant', value: 'x' } },
                { column: 'i', mask: { type: 'Expression', expression: 'upper(i)' } },
              ],
            },
            insert: undefined,
            update: undefined,
            delete: false,
            where: "region = 'eu'",
          },
          {
            schema: 'public',
            name: 'Orders',
            select: { columns: '*', masks: [] },
            insert: { columns: ['amount'] },
            update: { columns: ['status'] },
            delete: true,
            where: undefined,
          },
        ],
        functions: [{ schema: 'public', name: 'order_total' }],
        detect: [{ kind: 'PaymentCard', action: 'Mask' }],
        extensions: ['pg_trgm', 'uuid-ossp'],
        settings: ['work_mem', 'app.tenant'],
        rules: [
          {
            name: 'large-change',
            match: {
              statements: ['Update'],
              relations: [{ schema: 'public', name: 'customers' }],
              withoutWhere: undefined,
              rowsReturnedOver: undefined,
              rowsAffectedOver: 100,
            },
            action: 'RequireApproval',
            approval: {
              approvers: [
                { type: 'Group', name: 'dba' },
                { type: 'User', name: 'alice' },
              ],
              waitFor: 300_000,
              validFor: 3_600_000,
            },
          },
        ],
        limits: {
          statementTimeout: 30_000,
          idleTimeout: 600_000,
          sessionDuration: 28_800_000,
          rowsPerStatement: 50_000,
          bytesPerStatement: 67_108_864,
          statementsPerMinute: 600,
          sessions: 5,
        },
        notices: 'Withhold',
      },
    ]);
  });

  it('is closed where a policy says nothing', () => {
    expect(parse(policy(''), SECRETS, CONNECTION).bundle?.policies).toMatchObject([
      { mode: 'Enforce', relations: [], functions: [], extensions: [], settings: [], rules: [], notices: 'Forward' },
    ]);
  });

  it('makes an empty bundle of nothing, with a warning', () => {
    const { bundle, warnings } = parse();
    expect([bundle?.connections.size, bundle?.policies]).toEqual([0, []]);
    expect(warnings.map(problemText)).toEqual(['.: there is no DatabaseAccessPolicy. Nobody can do anything until there is one.']);
  });

  it('reads what kubectl get -o yaml prints', () => {
    const printed = CONNECTION.replace(
      'namespace: data }',
      'namespace: data, uid: x, generation: 3, managedFields: [{ manager: kubectl }] }',
    );
    const status = '\nstatus: { conditions: [{ type: Ready, status: "True", newer: than this }], observedGeneration: 3, newer: true }';
    expect(parse(printed + status, SECRETS, policy('')).problems).toEqual([]);
  });

  it('admits a policy by the labels of its Namespace', () => {
    const connection = CONNECTION.replace('kubernetes.io/metadata.name: agents', 'team: analytics');
    const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: agents, labels: { team: analytics } }';
    expect(parse(connection, SECRETS, policy(''), namespace).problems).toEqual([]);
    expect(parse(connection, SECRETS, policy('')).problems).toHaveLength(1);
  });
});

describe('the revision', () => {
  const revision = (...texts: readonly string[]): string | undefined => parse(...texts).bundle?.revision;
  const base = revision(CONNECTION, SECRETS, FULL);

  it('does not depend on files, their order, comments or the way to write the same', () => {
    expect(base).toMatch(/^[0-9a-f]{64}$/);
    expect(
      revision(`${FULL}---${SECRETS}\n# a comment\n---${CONNECTION.replace('database: shop', 'port: 5432\n  "database": "shop"')}`),
    ).toBe(base);
  });

  it.each([
    ['a policy', CONNECTION, SECRETS, FULL.replace('KeepLast, keepLast: { characters: 4 }', 'KeepLast, keepLast: { characters: 3 }')],
    ['the order of masks', CONNECTION, SECRETS, FULL.replace('columns: [id, \'"fullName"\']', 'columns: [\'"fullName"\', id]')],
    ['a connection', CONNECTION.replace('db.example', 'db2.example'), SECRETS, FULL],
    ['a password', CONNECTION, SECRETS.replace('s3cret-agent', 's3cret-other'), FULL],
    ['a key of a mask', CONNECTION, SECRETS.replace('s3cret-0123456789abcdef', 's3cret-0123456789abcdeX'), FULL],
    ['the validity', CONNECTION, SECRETS, FULL.replace('2026-01-01', '2026-01-02')],
  ])('changes with %s', (_, ...texts) => {
    expect(texts.join('')).not.toBe([CONNECTION, SECRETS, FULL].join(''));
    expect(revision(...texts)).toMatch(/^[0-9a-f]{64}$/);
    expect(revision(...texts)).not.toBe(base);
  });
});

describe('parseManifests() warns of', () => {
  it.each([
    [
      'a name with capitals outside quotes',
      '  relations: [{ name: public.a, select: { columns: [createdAt] } }]',
      [
        '2.yaml:8: document 1, spec.relations[0].select.columns[0]: createdAt is read in lower case, for SQL does so with names that are not quoted. Write it in lower case, or in double quotes if it has capitals in the database, as in \'"createdAt"\'.',
      ],
    ],
  ])('%s', (_, spec, expected) => {
    const { bundle, warnings } = parse(CONNECTION, SECRETS, policy(spec));
    expect(bundle).toBeDefined();
    expect(warnings.map(problemText)).toEqual(expected);
  });

  it('subjects that nobody meets outside a cluster', () => {
    const subjects = 'subjects: [{ pod: { matchLabels: { app: a } } }, { agent: { name: b }, serviceAccount: { name: c } }, ';
    const { bundle, warnings } = parse(CONNECTION, SECRETS, policy('').replace('subjects: [', subjects));
    expect(bundle?.policies[0]?.agents.map(({ agent }) => agent)).toEqual(['reporting-agent']);
    expect(warnings.map(problemText)).toEqual([
      '2.yaml:7: document 1, spec.subjects[0]: matches nobody outside a cluster, for it asks for pod. Here only a subject of agent alone matches.',
      '2.yaml:7: document 1, spec.subjects[1]: matches nobody outside a cluster, for it asks for serviceAccount. Here only a subject of agent alone matches.',
    ]);
  });

  it('a password that ends in a line break, and kinds that are not ours', () => {
    const config = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: {}';
    const { bundle, warnings } = parse(CONNECTION, SECRETS.replace('s3cret-agent', '"s3cret-agent\\n"'), policy(''), config);
    expect(bundle).toBeDefined();
    expect(warnings.map(problemText)).toEqual([
      '3.yaml:2: document 1, kind: kind "ConfigMap" of "v1" is ignored. Move it out of this folder if it is not meant to be here.',
      '2.yaml:7: document 1, spec.subjects[0].agent.passwordSecretRef.key: key "password" of Secret "agents/agent" ends in a line break. The line break counts as part of the password; if it is not, store the password without it (printf instead of echo).',
    ]);
  });
});
