/**
 * The operator as a program: the only place that knows all of its parts. Things start here: `runOperator`.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import type { Clock } from '../kernel/clock.ts';
import { startAdmission } from './admission/start-admission.ts';
import { startCertificates } from './certificates/start-certificates.ts';
import { ConfigError } from './config-fields.ts';
import { type OperatorConfig, parseOperatorConfig } from './config.ts';
import { startControl } from './control/start-control.ts';
import { readinessOf } from './health.ts';
import { connectKube } from './kube/connect.ts';
import { createEvents } from './kube/events.ts';
import { electLeader, type LeaderElection } from './kube/leader-election.ts';
import { createLog } from './log.ts';
import { createMetrics } from './metrics/metrics.ts';
import { startMetricsServer } from './metrics/server.ts';
import { startControllers } from './reconcile/start-controllers.ts';
import { startWorld } from './start-world.ts';

const VERSION = '0.1.0';

const USAGE = `usage: pg-airlock-operator --config FILE

  --config FILE   the operator's configuration, in YAML

In a cluster it uses its service account; elsewhere the environment variable KUBECONFIG names a kubeconfig file.
`;

/** Until everybody has heard that this replica is not ready any more. */
const DRAIN_MS = 2_000;

/** An orderly end takes no longer; the chart gives it 40 s before Kubernetes kills. */
const PATIENCE_MS = 25_000;

const clock: Clock = { now: () => new Date(), monotonic: () => performance.now() };

/** What the environment says, read in one place. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Runs the operator until a signal ends it; resolves with the exit code. */
export const runOperator = async (args: readonly string[], environment: Environment, write: (text: string) => void): Promise<number> => {
  let config: OperatorConfig;
  try {
    config = await readConfig(args);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    write(`pg-airlock-operator: ${error.message}\n`);
    return 2;
  }
  const log = createLog(config.logLevel);
  const fatal = (error: unknown): never => {
    log.fatal({ err: error }, 'could not go on');
    process.exit(1);
  };
  process.on('unhandledRejection', fatal);
  process.on('uncaughtException', fatal);
  try {
    await operate(config, environment, log);
    return 0;
  } catch (error) {
    log.fatal({ err: error }, 'could not go on');
    return 1;
  }
};

const readConfig = async (args: readonly string[]): Promise<OperatorConfig> => {
  const path = configPath(args);
  let yaml: string;
  try {
    yaml = await readFile(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`could not read the configuration: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return parseOperatorConfig(yaml);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`${path}: ${error.message}`);
    throw error;
  }
};

const configPath = (args: readonly string[]): string => {
  try {
    const { config } = parseArgs({ args: [...args], options: { config: { type: 'string' } } }).values;
    if (config !== undefined) return config;
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
  throw new ConfigError(`--config FILE is missing\n\n${USAGE}`);
};

type Stop = () => Promise<void> | void;

const operate = async (config: OperatorConfig, environment: Environment, log: Logger): Promise<void> => {
  const signal = stopSignal();
  const name = environment['POD_NAME'] ?? hostname();
  const kube = await connectKube({
    kubeconfig: environment['KUBECONFIG'],
    serviceHost: environment['KUBERNETES_SERVICE_HOST'],
    servicePort: environment['KUBERNETES_SERVICE_PORT'],
  });
  const metrics = createMetrics(VERSION);
  const { world, health, stop: stopWorld } = startWorld({ client: kube, log, observer: metrics.informers });
  const started = { certificate: false, webhook: false, control: false };
  const probes = await startMetricsServer({
    listen: config.metrics.listen,
    contentType: metrics.contentType,
    render: metrics.render,
    readiness: () => readinessOf({ informers: health(), ...started, stopping: signal.aborted }),
  });
  log.info({ version: VERSION, metrics: probes.address }, 'operator started');

  /** In the order in which they were started. */
  const stops: Stop[] = [];
  let election: LeaderElection | undefined;
  const start = async (): Promise<void> => {
    const certificates = await startCertificates({ kube, clock, log, config, signal });
    stops.push(certificates.stop);
    metrics.serves(certificates.current());
    stops.push(certificates.onChange(metrics.serves));
    started.certificate = true;
    const admission = await startAdmission({
      listen: config.admission.listen,
      certificates,
      settings: { sidecar: config.sidecar, controlUrl: config.control.url },
      connections: config.connections,
      log,
      observe: metrics.answered,
    });
    stops.push(admission.stop);
    started.webhook = true;
    const control = await startControl({
      kube,
      world,
      certificates,
      listen: config.control.listen,
      staleAfter: config.sidecar.staleAfter,
      connections: config.connections,
      replica: { namespace: config.namespace, name, uid: environment['POD_UID'] },
      clock,
      log,
      observer: metrics.control,
      following: () => [...health().values()].every(({ failure }) => failure === undefined),
    });
    stops.push(control.stop);
    started.control = true;
    // Informers may have been synced only while everything is being stopped.
    signal.throwIfAborted();
    election = electLeader({
      kube,
      namespace: config.namespace,
      lease: config.leaderElection.lease,
      // A container that starts again in the same pod is another one.
      identity: `${name}_${randomUUID()}`,
      clock,
      log,
      lead: async (leadership) => {
        const events = createEvents({ kube: leadership.kube, instance: name, clock, log });
        const options = { world, config, clock, log, events, ca: certificates, metrics: metrics.controllers };
        const controllers = await startControllers({ ...options, kube: leadership.kube });
        await aborted(leadership.signal);
        await controllers.stop();
        await events.flush();
      },
      onChange: metrics.leads,
    });
    log.info('operator ready');
  };
  const starting = start().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  await Promise.race([starting, aborted(signal)]);
  await aborted(signal);

  log.info('shutting down');
  const impatient = setTimeout(() => {
    log.fatal('could not shut down in time');
    process.exit(1);
  }, PATIENCE_MS);
  // The lease goes first: another replica takes over while this one still answers.
  await election?.stop();
  await pause(DRAIN_MS);
  for (const stop of stops.toReversed()) await stop();
  stopWorld();
  await probes.stop();
  kube.close();
  clearTimeout(impatient);
  log.info('stopped');
};

/** Aborts with the first SIGTERM or SIGINT; the next one kills. */
const stopSignal = (): AbortSignal => {
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stopping.abort());
  return stopping.signal;
};

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

if (import.meta.main) {
  // Not awaited: in the bundle this is no ES module.
  void runOperator(process.argv.slice(2), process.env, (text) => process.stderr.write(text)).then((code) => process.exit(code));
}
