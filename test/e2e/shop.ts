/**
 * The database that agents are to use: PostgreSQL with TLS, in a namespace of its own, with the connection and the policy that lead to it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthority } from '../support/certificates.ts';
import { POSTGRES_IMAGE } from './client-images.ts';
import { AGENTS, apply, DATA, kubectl, kubectlDone } from './environment.ts';

/** What must not be found anywhere in an agent's reach. */
export const PASSWORD = 'first-3c1b7f0e9d';

const DEMO = join(import.meta.dirname, '..', 'demo', 'shop.sql');

const role = (password: string): string => `
CREATE ROLE airlock LOGIN PASSWORD '${password}';
GRANT SELECT ON customers, orders TO airlock;
GRANT UPDATE (status) ON orders TO airlock;
CREATE TABLE ours (id int);
`;

const namespace = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const secret = (name: string, stringData: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: DATA },
  stringData,
});

/** The Secret that the connection names. */
export const credentials = (password: string): object => secret('shop-database', { username: 'airlock', password });

export const connection = {
  apiVersion: 'pg-airlock.dev/v1alpha1',
  kind: 'DatabaseConnection',
  metadata: { name: 'shop', namespace: DATA },
  spec: {
    host: `postgres.${DATA}.svc`,
    database: 'shop',
    tls: { mode: 'VerifyFull', caSecretRef: { name: 'postgres-ca' } },
    credentials: { secretRef: { name: 'shop-database' } },
    allowedNamespaces: { matchLabels: { 'kubernetes.io/metadata.name': AGENTS } },
  },
};

/** `more` is added to the columns of customers that are shown as they are. */
export const policy = (more: readonly string[] = []): object => ({
  apiVersion: 'pg-airlock.dev/v1alpha1',
  kind: 'DatabaseAccessPolicy',
  metadata: { name: 'reporting', namespace: AGENTS },
  spec: {
    connectionRef: { name: 'shop', namespace: DATA },
    subjects: [{ pod: { matchLabels: { team: 'reporting' } } }],
    relations: [
      {
        name: 'public.customers',
        select: {
          columns: ['id', 'name', 'city', ...more],
          masks: [
            { column: 'email', mask: { type: 'Email' } },
            { column: 'card_number', mask: { type: 'KeepLast', keepLast: { characters: 4 } } },
            { column: 'ssn', mask: { type: 'Redact' } },
          ],
        },
      },
      {
        name: 'public.orders',
        where: `region = 'eu'`,
        select: { columns: ['id', 'region', 'amount', 'status'] },
        update: { columns: ['status'] },
      },
    ],
  },
});

/** What opens the shop to the agents; resolves when connection and policy are ready. */
export const giveAccess = async (): Promise<void> => {
  await apply([connection, policy()]);
  await kubectlDone(['wait', '--for=condition=Ready', 'dbc/shop', '-n', DATA, '--timeout=60s']);
  await kubectlDone(['wait', '--for=condition=Ready', 'dap/reporting', '-n', AGENTS, '--timeout=60s']);
};

/** The namespaces, the server and the Secrets; resolves when the server answers. What is of our kinds is not there yet. */
export const startShop = async (): Promise<void> => {
  if ((await kubectl(['get', 'pod', 'postgres', '-n', DATA])).code === 0) return;
  const authority = await createAuthority('shop');
  const server = await authority.issue([`postgres.${DATA}.svc`]);
  await apply([namespace(DATA), namespace(AGENTS)]);
  await apply([
    secret('postgres-ca', { 'ca.crt': authority.cert }),
    secret('postgres-tls', { 'tls.crt': server.cert, 'tls.key': server.key }),
    secret('postgres-init', { 'shop.sql': (await readFile(DEMO, 'utf8')) + role(PASSWORD) }),
    credentials(PASSWORD),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'postgres', namespace: DATA },
      spec: { selector: { app: 'postgres' }, ports: [{ port: 5432 }] },
    },
    SERVER,
  ]);
  await kubectlDone(['wait', '--for=condition=Ready', 'pod/postgres', '-n', DATA, '--timeout=120s']);
};

const SERVER = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'postgres', namespace: DATA, labels: { app: 'postgres' } },
  spec: {
    securityContext: { runAsUser: 65534, runAsGroup: 65534, fsGroup: 65534 },
    containers: [
      {
        name: 'postgres',
        image: POSTGRES_IMAGE,
        imagePullPolicy: 'IfNotPresent',
        args: ['-c', 'ssl=on', '-c', 'ssl_cert_file=/tls/tls.crt', '-c', 'ssl_key_file=/tls/tls.key'],
        env: [
          { name: 'POSTGRES_PASSWORD', value: 'superuser-81d0' },
          { name: 'POSTGRES_DB', value: 'shop' },
        ],
        ports: [{ containerPort: 5432 }],
        readinessProbe: { tcpSocket: { port: 5432 }, periodSeconds: 1 },
        volumeMounts: [
          { name: 'tls', mountPath: '/tls' },
          { name: 'init', mountPath: '/docker-entrypoint-initdb.d' },
          { name: 'data', mountPath: '/var/lib/postgresql' },
        ],
      },
    ],
    volumes: [
      { name: 'tls', secret: { secretName: 'postgres-tls', defaultMode: 0o640 } },
      { name: 'init', secret: { secretName: 'postgres-init' } },
      { name: 'data', emptyDir: {} },
    ],
  },
};

/** Runs SQL as the superuser, past the airlock. */
export const asSuperuser = (sql: string): Promise<string> =>
  kubectlDone([
    'exec',
    '-n',
    DATA,
    'postgres',
    '--',
    'psql',
    '-h',
    '/tmp',
    '-U',
    'postgres',
    '-d',
    'shop',
    '-At',
    '-v',
    'ON_ERROR_STOP=1',
    '-c',
    sql,
  ]);
