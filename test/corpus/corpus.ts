/**
 * Everything that a run of the corpus needs: the database, the proxy in front of it, and the harness.
 */
import { spawn } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { createAuthority } from '../support/certificates.ts';
import { type PostgresVersion, POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { startPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

export type CorpusOptions = {
  /** A folder with `harness.mjs`, `schema.sql`, `attacks/`, ...; the public one is run with the records of `attacks` and `benign` here. */
  readonly folder: string;
  readonly version: PostgresVersion;
  /** The role that the proxy uses: the more it may, the more the proxy has to prevent. */
  readonly upstream: string;
};

/** The harness's three addresses. */
export type CorpusUrls = { readonly url: string; readonly rawUrl: string; readonly directUrl: string };

export type Corpus = {
  readonly urls: CorpusUrls;
  readonly proxy: TestProxy;
  /** Runs the folder's harness against these addresses; resolves with its exit code. Its output is this process's. */
  readonly run: (parameters: readonly string[]) => Promise<number>;
  readonly stop: () => Promise<void>;
};

export const PUBLIC_CORPUS = join(import.meta.dirname, 'public');

const MANIFESTS = join(import.meta.dirname, 'manifests');
/** Records for the public corpus's database and policy: what was found since. */
const OWN_RECORDS = { attacks: join(import.meta.dirname, 'attacks'), benign: join(import.meta.dirname, 'benign') };
const AGENT = { name: 'reporting-agent', password: 'reporting-agent-password' };

const SETTINGS = {
  max_connections: '80',
  wal_level: 'replica',
  max_wal_senders: '4',
  // Attacks with PREPARE TRANSACTION have to be real.
  max_prepared_transactions: '8',
  track_functions: 'all',
  track_activity_query_size: '4096',
};

const HBA = `host all scram_agent 127.0.0.0/8 scram-sha-256
host all all 127.0.0.0/8 trust
host replication all 127.0.0.0/8 trust
`;

/** What the environment (and so `make corpus PG=15 ...`) says. */
export const corpusOptions = (environment: NodeJS.ProcessEnv): CorpusOptions => {
  const version = POSTGRES_VERSIONS.find((known) => String(known) === (environment['PG'] || '18'));
  if (version === undefined) throw new Error(`PG must be one of ${POSTGRES_VERSIONS.join(', ')}`);
  return { folder: environment['CORPUS'] || PUBLIC_CORPUS, version, upstream: environment['UPSTREAM'] || 'shop_owner' };
};

/** Starts PostgreSQL with the corpus's database, and the proxy with the corpus's policy. */
export const startCorpus = async ({ folder: given, version, upstream }: CorpusOptions): Promise<Corpus> => {
  const authority = await createAuthority('corpus');
  const tls = await authority.issue(['localhost', '127.0.0.1']);
  const postgres = await startPostgres({ version, settings: SETTINGS, hba: HBA, tls });
  const scratch = await mkdtemp(join(tmpdir(), 'pg-airlock-corpus-'));
  const manifests = join(scratch, 'manifests');
  const release = async (): Promise<void> => {
    await postgres.stop('immediate');
    await rm(scratch, { recursive: true, force: true });
  };
  try {
    const folder = given === PUBLIC_CORPUS ? await withOwnRecords(join(scratch, 'corpus')) : given;
    const rawUrl = postgres.url('postgres', 'shop');
    const prepared = await runHarness(folder, ['--setup-only', '--url', rawUrl, '--raw-url', rawUrl], 'ignore');
    if (prepared !== 0) throw new Error(`could not make the corpus's database: the harness ended with ${prepared}`);
    await writeManifests(manifests, { port: postgres.port, ca: authority.cert, upstream });
    const proxy = await startProxy({ manifests });
    const urls = {
      url: proxy.url(AGENT.name, 'shop', AGENT.password),
      rawUrl,
      directUrl: postgres.url(upstream, 'shop'),
    };
    const addresses = ['--url', urls.url, '--raw-url', urls.rawUrl, '--direct-url', urls.directUrl];
    const run: Corpus['run'] = (parameters) => runHarness(folder, [...addresses, ...parameters], 'inherit');
    const stop = async (): Promise<void> => {
      await proxy.stop();
      await release();
    };
    return { urls, proxy, run, stop };
  } catch (error) {
    await release();
    throw error;
  }
};

/** The public corpus with our own records beside its own; the harness reads what lies beside itself. */
const withOwnRecords = async (target: string): Promise<string> => {
  await cp(PUBLIC_CORPUS, target, { recursive: true });
  for (const file of await readdir(OWN_RECORDS.attacks)) await cp(join(OWN_RECORDS.attacks, file), join(target, 'attacks', `own-${file}`));
  for (const file of await readdir(OWN_RECORDS.benign)) {
    await appendFile(join(target, 'benign.jsonl'), await readFile(join(OWN_RECORDS.benign, file), 'utf8'));
  }
  return target;
};

const writeManifests = async (
  target: string,
  { port, ca, upstream }: { readonly port: number; readonly ca: string; readonly upstream: string },
): Promise<void> => {
  const values: Readonly<Record<string, readonly [readonly string[], unknown][]>> = {
    shop: [[['spec', 'port'], port]],
    'shop-role': [[['stringData', 'username'], upstream]],
    'shop-ca': [[['stringData', 'ca.crt'], ca]],
  };
  await mkdir(target, { recursive: true });
  for (const file of await readdir(MANIFESTS)) {
    const documents = parseAllDocuments(await readFile(join(MANIFESTS, file), 'utf8'));
    for (const document of documents) {
      for (const [path, value] of values[String(document.getIn(['metadata', 'name']))] ?? []) document.setIn(path, value);
    }
    await writeFile(join(target, file), documents.map(String).join('---\n'));
  }
};

const runHarness = (folder: string, parameters: readonly string[], stdout: 'inherit' | 'ignore'): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(folder, 'harness.mjs'), ...parameters], { stdio: ['ignore', stdout, 'inherit'] });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
