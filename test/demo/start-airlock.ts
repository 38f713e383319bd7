/**
 * The demo's surroundings: PostgreSQL with the shop in it, and the airlock in front, configured by the files of examples/quickstart.
 */
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

/** As examples/quickstart/secrets.yaml has them. */
const AGENT = { name: 'reporting-agent', password: 'agent-password' } as const;
const ROLE = { name: 'shop_app', password: 'change-me' } as const;

const QUICKSTART = join(import.meta.dirname, '..', '..', 'examples', 'quickstart');
/** Where the airlock listens if it can. */
export const USUAL_PORT = 5432;
const PORTS_TRIED = 100;

export type DemoAirlock = {
  readonly postgres: TestPostgres;
  readonly proxy: TestProxy;
  /** Where /metrics is. */
  readonly metrics: string;
  /** Folder of the manifests. */
  readonly manifests: string;
  /** The shop as the agent reaches it. */
  readonly url: string;
  /** The shop without the airlock, as the role that the airlock has. */
  readonly directUrl: string;
  readonly policy: () => Promise<string>;
  /** Puts another text in the policy's place. */
  readonly changePolicy: (text: string) => Promise<void>;
};

/** What has to be undone, in reverse. */
export type Undo = (() => Promise<unknown>)[];

/** Starts everything; what was started is pushed to `undo`, also where a later part fails. */
export const startAirlock = async (undo: Undo): Promise<DemoAirlock> => {
  const folder = await mkdtemp(join(tmpdir(), 'pg-airlock-demo-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const postgres = await startPostgres({ hba: 'host all all 127.0.0.1/32 scram-sha-256\n' });
  undo.push(() => postgres.stop('immediate'));
  await postgres.sql('CREATE DATABASE shop');
  await postgres.sql(await readFile(join(import.meta.dirname, 'shop.sql'), 'utf8'), 'shop');

  const manifests = join(folder, 'manifests');
  const audit = join(folder, 'audit');
  await mkdir(audit);
  await cp(QUICKSTART, manifests, { recursive: true });
  const connection = join(manifests, 'connection.yaml');
  await writeFile(connection, replaced(await readFile(connection, 'utf8'), 'port: 5433', `port: ${postgres.port}`));

  const port = await firstFreePort();
  const proxy = await startProxy({ manifests, audit, listen: `127.0.0.1:${port}` });
  undo.push(() => proxy.stop());
  const policyFile = join(manifests, 'policy.yaml');
  return {
    postgres,
    proxy,
    metrics: String(proxy.log().find(({ msg }) => msg === 'listening')?.['metrics']),
    manifests,
    url: proxy.url(AGENT.name, 'shop', AGENT.password),
    directUrl: postgres.url(ROLE.name, 'shop', ROLE.password),
    policy: () => readFile(policyFile, 'utf8'),
    changePolicy: async (text) => {
      await writeFile(`${policyFile}.new`, text);
      await rename(`${policyFile}.new`, policyFile);
    },
  };
};

/** The text with one part exchanged, which has to be there. */
export const replaced = (text: string, part: string, replacement: string): string => {
  if (!text.includes(part)) throw new Error(`"${part}" is not in the example any more`);
  return text.replace(part, () => replacement);
};

const firstFreePort = async (): Promise<number> => {
  for (let port = USUAL_PORT; port < USUAL_PORT + PORTS_TRIED; port++) if (await isFree(port)) return port;
  throw new Error(`ports ${USUAL_PORT} to ${USUAL_PORT + PORTS_TRIED - 1} are all taken`);
};

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
