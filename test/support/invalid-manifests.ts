/**
 * Manifests with one mistake each: for the kernel's parser, and, as far as one object alone shows it, for the API server.
 */

/** A connection without a mistake. */
export const CONNECTION = `
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseConnection
metadata: { name: shop, namespace: data }
spec:
  host: db.example.com
  database: shop
  credentials: { secretRef: { name: shop-db } }
  allowedNamespaces: { matchLabels: { kubernetes.io/metadata.name: agents } }
`;

/** The Secrets that the others name. */
export const SECRETS = `
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

/** A policy with these lines in its spec. */
export const policy = (spec: string, name = 'reporting'): string => `
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: ${name}, namespace: agents }
spec:
  connectionRef: { name: shop, namespace: data }
  subjects: [{ agent: { name: reporting-agent, passwordSecretRef: { name: agent } } }]
${spec}`;

/** What is wrong, the text that replaces one of the good ones, and exactly what is said. */
export const INVALID: readonly (readonly [string, Partial<Record<'connection' | 'secrets' | 'policy', string>>, readonly string[]])[] = [
  [
    'an unknown field',
    { policy: policy('  relation: []') },
    ['2.yaml:8: document 1, spec.relation: unknown field "relation". Did you mean "relations"?'],
  ],
  [
    'an unknown field that is like none',
    { connection: CONNECTION.replace('  port', '').replace('  host:', '  tls: { verify: true }\n  host:') },
    ['0.yaml:6: document 1, spec.tls.verify: unknown field "verify". Known fields: mode, caSecretRef.'],
  ],
  [
    'an unknown field of metadata',
    { connection: CONNECTION.replace('namespace: data', 'namepsace: data') },
    ['0.yaml:4: document 1, metadata.namepsace: unknown field "namepsace". Did you mean "namespace"?'],
  ],
  [
    'a field that is missing',
    { connection: CONNECTION.replace('  host: db.example.com\n', '') },
    [
      "0.yaml:5: document 1, spec.host: is missing. Host name or IP address of the server, without a port. With tls.mode VerifyFull the server's certificate must be valid for it.",
    ],
  ],
  [
    'a value that is not in the list',
    { policy: policy('  mode: Enfore') },
    ['2.yaml:8: document 1, spec.mode: "Enfore" is not one of Enforce, Audit. Did you mean "Enforce"?'],
  ],
  [
    'a mapping that cannot be printed, for a word',
    { policy: policy('  mode: { toString: {} }') },
    [
      '2.yaml:8: document 1, spec.mode: must be a text, but is a mapping. X',
      '2.yaml:8: document 1, spec.mode: {"toString":{}} is not one of Enforce, Audit. X',
    ].map((said) =>
      said.replace(
        'X',
        'Enforce refuses what the policy does not allow. Audit records and counts it, but lets it through; masks, row filters and credentials are never let go.',
      ),
    ),
  ],
  [
    'a wrong type',
    { policy: policy('  limits: { sessions: five }') },
    [
      '2.yaml:8: document 1, spec.limits.sessions: must be a whole number, but is a text. Sessions that an agent may have at the same time.',
    ],
  ],
  [
    'an operation without a value',
    { policy: policy('  relations:\n    - name: public.a\n      delete:') },
    [
      '2.yaml:10: document 1, spec.relations[0].delete: must be a mapping, but is empty (null). Write {} for an empty mapping, or remove the field.',
    ],
  ],
  [
    'a number out of range',
    { connection: CONNECTION.replace('  host', '  port: 65536\n  host') },
    ['0.yaml:6: document 1, spec.port: must be <= 65535. TCP port of the server, 1 to 65535.'],
  ],
  [
    'a relation without a schema',
    { policy: policy('  relations: [{ name: customers, select: { columns: [id] } }]') },
    [
      '2.yaml:8: document 1, spec.relations[0].name: "customers" is not of the form that is expected. The relation as schema.name, in SQL\'s identifier syntax; a part with capitals, spaces or other signs stands in double quotes, as in public."Old Customers".',
    ],
  ],
  [
    'a relation listed twice',
    { policy: policy('  relations:\n    - { name: public.a, delete: {} }\n    - { name: public.a, delete: {} }') },
    ['2.yaml:10: document 1, spec.relations[1].name: is the same as item 0 of the list. Remove one of them, or merge them into one.'],
  ],
  [
    'a relation listed twice in two ways',
    { policy: policy('  relations:\n    - { name: public.a, delete: {} }\n    - { name: public."a", delete: {} }') },
    ['2.yaml:10: document 1, spec.relations[1].name: public."a" is the same as public.a. Merge them into one.'],
  ],
  [
    'a column listed twice in two ways',
    { policy: policy('  relations: [{ name: public.a, select: { columns: [id, \'"id"\'] } }]') },
    ['2.yaml:8: document 1, spec.relations[0].select.columns[1]: column "id" stands twice in the list. Remove one of them.'],
  ],
  [
    'a column with two masks',
    {
      policy: policy(
        '  relations: [{ name: public.a, select: { masks: [{ column: id, mask: { type: Redact } }, { column: \'"id"\', mask: { type: Email } }] } }]',
      ),
    },
    ['2.yaml:8: document 1, spec.relations[0].select.masks[1].column: column "id" is masked twice. Keep one mask for it.'],
  ],
  [
    'a column that is masked and listed',
    { policy: policy('  relations: [{ name: public.a, select: { columns: [id, b], masks: [{ column: b, mask: { type: Redact } }] } }]') },
    [
      '2.yaml:8: document 1, spec.relations[0].select.columns[1]: column "b" is listed as it is, and masked. Remove it from columns, for a masked column need not be listed; or remove its mask.',
    ],
  ],
  [
    'a name that PostgreSQL would cut',
    { policy: policy(`  relations: [{ name: public.${'a'.repeat(64)}, delete: {} }]`) },
    [
      `2.yaml:8: document 1, spec.relations[0].name: the name "${'a'.repeat(64)}" is longer than 63 bytes. PostgreSQL has no such names: correct it.`,
    ],
  ],
  [
    'a row filter of blanks',
    { policy: policy("  relations: [{ name: public.a, where: ' ', delete: {} }]") },
    [
      '2.yaml:8: document 1, spec.relations[0].where: " " is not of the form that is expected. The row filter, an SQL condition over the relation\'s columns. Only rows that meet it exist for the agent, in every operation.',
    ],
  ],
  [
    'a NUL in SQL',
    { policy: policy('  relations: [{ name: public.a, where: "a = \'\\0\'", delete: {} }]') },
    [
      '2.yaml:8: document 1, spec.relations[0].where: has a character that PostgreSQL has not. Remove NUL characters and halves of surrogate pairs.',
    ],
  ],
  [
    'conditions that are none by themselves',
    {
      policy: policy(`  relations:
  - { name: public.a, where: 'true) OR (true', delete: {} }
  - { name: public.b, where: "a = ')' OR b IN (1, 2", delete: {} }
  - name: public.c
    where: |
      a = E'\\'' AND "b)" = $x$)$x$ /* ) /* ) */ ) */ AND c = ')' -- )
    select: { masks: [{ column: a, mask: { type: Expression, expression: { sql: "'x') || ('y'" } } }] }
  - { name: public.d, where: 'true; true', delete: {} }`),
    },
    [
      '2.yaml:9: document 1, spec.relations[0].where: is not one SQL expression: it closes a parenthesis that it has not opened. Write one expression, which stands by itself.',
      '2.yaml:10: document 1, spec.relations[1].where: is not one SQL expression: it opens a parenthesis that it does not close. Write one expression, which stands by itself.',
      '2.yaml:14: document 1, spec.relations[2].select.masks[0].mask.expression.sql: is not one SQL expression: it closes a parenthesis that it has not opened. Write one expression, which stands by itself.',
      '2.yaml:15: document 1, spec.relations[3].where: is not one SQL expression: it has a semicolon. Write one expression, which stands by itself.',
    ],
  ],
  [
    'a time that does not exist',
    { policy: policy("  validity: { notAfter: '2026-02-30T00:00:00Z' }") },
    [
      '2.yaml:8: document 1, spec.validity.notAfter: "2026-02-30T00:00:00Z" is not a date with time and zone. The policy is in force until this time, as in "2027-01-01T00:00:00Z". Then its sessions end.',
    ],
  ],
  [
    'a size that cannot be counted',
    { policy: policy('  limits: { bytesPerStatement: 999999999999Ti }') },
    [
      '2.yaml:8: document 1, spec.limits.bytesPerStatement: "999999999999Ti" is not a size that can be counted. Write it as in 64Mi or 10M.',
    ],
  ],
  [
    'an agent that stands twice',
    { policy: policy('').replace('subjects: [', 'subjects: [{ agent: { name: reporting-agent } }, ') },
    ['2.yaml:7: document 1, spec.subjects[1].agent.name: agent "reporting-agent" stands twice in subjects. Remove one of them.'],
  ],
  [
    'a connection that does not exist',
    { policy: policy('').replace('name: shop,', 'name: shopp,') },
    ['2.yaml:6: document 1, spec.connectionRef.name: DatabaseConnection "data/shopp" does not exist. Did you mean "data/shop"?'],
  ],
  [
    "a connection sought in the policy's own namespace",
    { policy: policy('').replace('name: shop, namespace: data', 'name: elsewhere') },
    ['2.yaml:6: document 1, spec.connectionRef.name: DatabaseConnection "agents/elsewhere" does not exist. There are: data/shop.'],
  ],
  [
    'a namespace that the connection does not allow',
    { connection: CONNECTION.replace(/ {2}allowedNamespaces.*\n/, '') },
    [
      '2.yaml:6: document 1, spec.connectionRef.namespace: DatabaseConnection "data/shop" does not allow policies of namespace "agents". Let its spec.allowedNamespaces select that namespace (by the label kubernetes.io/metadata.name, or by labels of a Namespace manifest), or put the policy into namespace "data".',
    ],
  ],
  [
    'a Secret that does not exist',
    { policy: policy('').replace('passwordSecretRef: { name: agent }', 'passwordSecretRef: { name: agnet }') },
    ['2.yaml:7: document 1, spec.subjects[0].agent.passwordSecretRef.name: Secret "agents/agnet" does not exist. Did you mean "agent"?'],
  ],
  [
    'a Secret of another namespace',
    { connection: CONNECTION.replace('name: shop-db', 'name: agent') },
    ['0.yaml:8: document 1, spec.credentials.secretRef.name: Secret "data/agent" does not exist. There are: shop-db.'],
  ],
  [
    'a key that the Secret does not have',
    { policy: policy('').replace('{ name: agent }', '{ name: agent, key: pasword }') },
    [
      '2.yaml:7: document 1, spec.subjects[0].agent.passwordSecretRef.key: Secret "agents/agent" has no key "pasword". Did you mean "password"?',
    ],
  ],
  [
    'an empty password',
    { policy: policy('').replace('{ name: agent }', '{ name: agent, key: empty }') },
    ['2.yaml:7: document 1, spec.subjects[0].agent.passwordSecretRef.key: key "empty" of Secret "agents/agent" is empty. Give it a value.'],
  ],
  [
    'a key for hashing that can be guessed',
    {
      policy: policy(
        '  relations: [{ name: public.a, select: { masks: [{ column: b, mask: { type: Hash, hash: { keySecretRef: { name: agent, key: short } } } }] } }]',
      ),
    },
    [
      '2.yaml:8: document 1, spec.relations[0].select.masks[0].mask.hash.keySecretRef.key: key "short" of Secret "agents/agent" is shorter than 16 bytes. Make a new one: openssl rand -base64 32.',
    ],
  ],
  [
    'certificate authorities that are none',
    { connection: CONNECTION.replace('  host', '  tls: { caSecretRef: { name: shop-db, key: password } }\n  host') },
    [
      '0.yaml:6: document 1, spec.tls.caSecretRef.key: key "password" of Secret "data/shop-db" holds no certificate. Store the certificate authorities as PEM (-----BEGIN CERTIFICATE-----).',
    ],
  ],
  [
    'a Secret that is not base64',
    { secrets: SECRETS.replace('czNjcmV0LWRi', 's3cret-db') },
    ['1.yaml:5: document 1, data.password: is not valid base64. Encode the value (base64 -w0), or write it plainly under stringData.'],
  ],
  [
    'a Secret whose value is a number',
    { secrets: SECRETS.replace('s3cret-agent', '12345678') },
    ['1.yaml:10: document 2, stringData.password: must be a text, but is a number. Put the value in quotes.'],
  ],
  [
    'a password that is not text',
    { secrets: SECRETS.replace('czNjcmV0LWRi', '/w==') },
    [
      '0.yaml:8: document 1, spec.credentials.secretRef.passwordKey: key "password" of Secret "data/shop-db" is not text in UTF-8. Store it as plain text.',
    ],
  ],
  [
    'a user name with a line break',
    { secrets: SECRETS.replace('YXBw', 'YXBwCg==') },
    [
      '0.yaml:8: document 1, spec.credentials.secretRef.usernameKey: the user name has a line break. Store it without (printf instead of echo).',
    ],
  ],
  [
    'two passwords for one agent',
    { policy: `${policy('', 'a')}---${policy('', 'b').replace('{ name: agent }', '{ name: agent, key: short }')}` },
    [
      '2.yaml:14: document 2, spec.subjects[0].agent.passwordSecretRef: agent "reporting-agent" has another password in policy "agents/a". Let both name the same password, or leave passwordSecretRef out in one of them.',
    ],
  ],
  [
    'an object that is defined twice',
    { policy: `${policy('')}---${policy('')}` },
    [
      '2.yaml:11: document 2, metadata.name: DatabaseAccessPolicy agents/reporting is defined a second time, after document 1 of 2.yaml. Remove or rename one of them.',
    ],
  ],
  [
    'another version of our group',
    { policy: policy('').replace('v1alpha1', 'v1beta1') },
    [
      '2.yaml:2: document 1, apiVersion: "pg-airlock.dev/v1beta1" is not a version of DatabaseAccessPolicy that is known. Write "pg-airlock.dev/v1alpha1".',
    ],
  ],
  [
    'another group for our kind',
    { policy: policy('').replace('pg-airlock.dev/', 'pgairlock.dev/') },
    [
      '2.yaml:2: document 1, apiVersion: "pgairlock.dev/v1alpha1" is not a version of DatabaseAccessPolicy that is known. Write "pg-airlock.dev/v1alpha1".',
    ],
  ],
  [
    'another kind of our group',
    { policy: policy('').replace('DatabaseAccessPolicy', 'DatabaseAccesPolicy') },
    ['2.yaml:3: document 1, kind: "DatabaseAccesPolicy" is not a kind of pg-airlock.dev. Did you mean "DatabaseAccessPolicy"?'],
  ],
  [
    'a document without a kind',
    { policy: 'apiVersion: v1' },
    ['2.yaml:1: document 1, kind: is missing. Add kind, such as DatabaseAccessPolicy.'],
  ],
  [
    'a document that is no object',
    { policy: '- a' },
    ['2.yaml:1: document 1: is not a Kubernetes object. Begin it with apiVersion, kind and metadata.'],
  ],
  [
    'a list',
    { policy: 'apiVersion: v1\nkind: List\nitems: []' },
    ['2.yaml:2: document 1, kind: lists are not read. Make each item a document of its own, divided by "---".'],
  ],
  [
    'text that is no YAML',
    { policy: 'a: "x' },
    [
      '2.yaml:1: document 1: a sign is missing, such as a closing quote, a bracket or the space after a colon. Correct the YAML at this line.',
    ],
  ],
];
