/**
 * A stage for the controllers: an API server, a PostgreSQL, and for each test two namespaces of its own, one of a connection and one of agents.
 */
import { join } from 'node:path';
import { type Authority, createAuthority } from './certificates.ts';
import { OPERATOR_NAMESPACE, operatorRights, runControllers, type RunningControllers } from './controllers.ts';
import { type ControlPlane, startControlPlane } from './kubernetes.ts';
import { startPostgres, type TestPostgres } from './postgres.ts';
import type { Condition } from '../../operator/specs/condition.ts';

const CRDS = join(import.meta.dirname, '../../crds');
const API = '/apis/pg-airlock.dev/v1alpha1';
export const PASSWORD = 's3cret-of-app';
const HBA = 'host all postgres 127.0.0.1/32 trust\nhostssl all app 127.0.0.1/32 scram-sha-256\n';

export type Status = { readonly conditions?: readonly Condition[]; readonly [field: string]: unknown };

/** For `expect.poll`. */
export const soon = { timeout: 45_000, interval: 100 };

/** Status and reason of each condition. */
export const shown = ({ conditions = [] }: Status): Readonly<Record<string, string>> =>
  Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));

export const namespaceOf = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** Starts both servers; `controllers` are started by `next`, unless they run. */
export class Stage {
  readonly cluster: ControlPlane;
  readonly database: TestPostgres;
  readonly authority: Authority;
  running: RunningControllers | undefined;
  data = '';
  agents = '';
  #number = 0;

  private constructor(cluster: ControlPlane, database: TestPostgres, authority: Authority) {
    this.cluster = cluster;
    this.database = database;
    this.authority = authority;
  }

  static async open(): Promise<Stage> {
    const authority = await createAuthority();
    const { key, cert } = await authority.issue(['127.0.0.1']);
    const [cluster, database] = await Promise.all([startControlPlane(), startPostgres({ tls: { key, cert }, hba: HBA })]);
    const stage = new Stage(cluster, database, authority);
    await database.sql(`CREATE ROLE app LOGIN PASSWORD '${PASSWORD}'`);
    await database.sql('CREATE DATABASE shop');
    await database.sql(
      'CREATE TABLE customers (id int, email text); CREATE TABLE orders (id int); GRANT SELECT ON ALL TABLES IN SCHEMA public TO app',
      'shop',
    );
    const { code, stderr } = await cluster.kubectl(['apply', '-f', CRDS]);
    if (code !== 0) throw new Error(stderr);
    await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
    await cluster.apply([namespaceOf(OPERATOR_NAMESPACE), namespaceOf('excluded'), ...(await operatorRights())]);
    await stage.must('POST', `/apis/coordination.k8s.io/v1/namespaces/${OPERATOR_NAMESPACE}/leases`, {
      metadata: { name: 'pg-airlock-operator' },
      spec: {},
    });
    return stage;
  }

  async close(): Promise<void> {
    await this.running?.stop();
    await Promise.all([this.cluster.stop(), this.database.stop()]);
  }

  /** Namespaces for the next test. */
  async next(): Promise<void> {
    this.running ??= await runControllers(this.cluster);
    this.#number += 1;
    this.data = `data-${this.#number}`;
    this.agents = `agents-${this.#number}`;
    for (const name of [this.data, this.agents]) await this.must('POST', '/api/v1/namespaces', namespaceOf(name));
  }

  /** Ends the controllers and begins them anew, as another leader would. */
  async restart(
    ...[timing, connections]: Parameters<typeof runControllers> extends [unknown, ...infer Rest] ? Rest : never
  ): Promise<RunningControllers> {
    await this.running?.stop();
    this.running = await runControllers(this.cluster, timing, connections);
    return this.running;
  }

  async must(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    const answer = await this.cluster.request(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  secret(values: Readonly<Record<string, string>>, name = 'shop-db', namespace = this.data): Promise<unknown> {
    return this.must('POST', `/api/v1/namespaces/${namespace}/secrets`, { metadata: { name }, stringData: values });
  }

  goodSecret(): Promise<unknown> {
    return this.secret({ username: 'app', password: PASSWORD, 'ca.crt': this.authority.cert });
  }

  patchSecret(values: Readonly<Record<string, string>>): Promise<unknown> {
    return this.must('PATCH', `/api/v1/namespaces/${this.data}/secrets/shop-db`, { stringData: values });
  }

  connection(changes: object = {}, name = 'shop'): Promise<unknown> {
    return this.must('POST', `${API}/namespaces/${this.data}/databaseconnections`, {
      apiVersion: 'pg-airlock.dev/v1alpha1',
      kind: 'DatabaseConnection',
      metadata: { name },
      spec: {
        host: '127.0.0.1',
        port: this.database.port,
        database: 'shop',
        tls: { mode: 'VerifyFull', caSecretRef: { name: 'shop-db' } },
        credentials: { secretRef: { name: 'shop-db' } },
        allowedNamespaces: { matchLabels: { 'kubernetes.io/metadata.name': this.agents } },
        ...changes,
      },
    });
  }

  patchConnection(spec: object): Promise<unknown> {
    return this.must('PATCH', `${API}/namespaces/${this.data}/databaseconnections/shop`, { spec });
  }

  deleteConnection(): Promise<unknown> {
    return this.must('DELETE', `${API}/namespaces/${this.data}/databaseconnections/shop`);
  }

  policy(spec: object = {}, name = 'reading'): Promise<unknown> {
    return this.must('POST', `${API}/namespaces/${this.agents}/databaseaccesspolicies`, {
      apiVersion: 'pg-airlock.dev/v1alpha1',
      kind: 'DatabaseAccessPolicy',
      metadata: { name },
      spec: {
        connectionRef: { name: 'shop', namespace: this.data },
        subjects: [{ pod: { matchLabels: { app: 'reports' } } }],
        relations: [{ name: 'public.customers', select: { columns: ['id'] } }],
        ...spec,
      },
    });
  }

  patchPolicy(spec: object): Promise<unknown> {
    return this.must('PATCH', `${API}/namespaces/${this.agents}/databaseaccesspolicies/reading`, { spec });
  }

  pod(name = 'agent', changes: { readonly namespace?: string; readonly names?: string; readonly spec?: object } = {}): Promise<unknown> {
    return this.must('POST', `/api/v1/namespaces/${changes.namespace ?? this.agents}/pods`, {
      metadata: {
        name,
        labels: { 'pg-airlock.dev/agent': 'true', app: 'reports' },
        annotations: { 'pg-airlock.dev/connection': changes.names ?? `${this.data}/shop` },
      },
      spec: { containers: [{ name: 'agent', image: 'agent' }], ...changes.spec },
    });
  }

  deletePod(name = 'agent'): Promise<unknown> {
    return this.must('DELETE', `/api/v1/namespaces/${this.agents}/pods/${name}?gracePeriodSeconds=0`);
  }

  finishPod(phase: 'Succeeded' | 'Failed', name = 'agent'): Promise<unknown> {
    return this.must('PATCH', `/api/v1/namespaces/${this.agents}/pods/${name}/status`, { status: { phase } });
  }

  async #statusOf(plural: string, namespace: string, name: string): Promise<Status> {
    const { status } = (await this.must('GET', `${API}/namespaces/${namespace}/${plural}/${name}`)) as { status?: Status };
    return status ?? {};
  }

  shop(): Promise<Status> {
    return this.#statusOf('databaseconnections', this.data, 'shop');
  }

  reading(name = 'reading'): Promise<Status> {
    return this.#statusOf('databaseaccesspolicies', this.agents, name);
  }

  async message(status: Promise<Status>, type: string): Promise<string> {
    return (await status).conditions?.find((condition) => condition.type === type)?.message ?? '';
  }

  managedPath(namespace = this.agents): string {
    return `/api/v1/namespaces/${namespace}/secrets/pg-airlock-${this.data}.shop`;
  }

  /** Values of the managed Secret; undefined: there is none. */
  async managed(namespace = this.agents): Promise<Readonly<Record<string, string>> | undefined> {
    const answer = await this.cluster.request('GET', this.managedPath(namespace));
    if (answer.status === 404) return undefined;
    const { data = {} } = answer.body as { data?: Record<string, string> };
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  }

  /** Of the namespace, that the operator sets. */
  async label(namespace = this.agents): Promise<string | undefined> {
    const { metadata } = (await this.must('GET', `/api/v1/namespaces/${namespace}`)) as { metadata: { labels?: Record<string, string> } };
    return metadata.labels?.['pg-airlock.dev/managed'];
  }

  async events(namespace: string): Promise<readonly string[]> {
    const { items } = (await this.must('GET', `/apis/events.k8s.io/v1/namespaces/${namespace}/events`)) as {
      items: readonly { type: string; reason: string; regarding: { kind: string; name: string } }[];
    };
    return items.map(({ type, reason, regarding }) => `${type} ${reason} ${regarding.kind} ${regarding.name}`);
  }
}
