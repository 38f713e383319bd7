/**
 * The proxy as a program: the only place that knows all of its parts. Things start here: `runProxy`.
 */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Bundle } from '../kernel/policy.ts';
import { Failure, shuttingDown } from '../kernel/failure.ts';
import type { Clock } from '../kernel/clock.ts';
import { lateRegistry } from './access/late-registry.ts';
import { openAuditStore } from './audit/audit-store.ts';
import { openClientTls } from './client-tls.ts';
import { parseProxyConfig, PROXY_USAGE, type ProxyConfig, UsageError } from './config.ts';
import { assertLoopback } from './identity/fixed-identity.ts';
import { releaseIdleMemory } from './idle-memory.ts';
import { type Listener, listen } from './listener.ts';
import { followManifests } from './follow-manifests.ts';
import { createLogger } from './metrics/log.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import type { PolicySource } from './policy-source.ts';
import { catalogReadiness } from './metrics/readiness.ts';
import type { ReadinessCheck } from './metrics/server.ts';
import { CancelRegistry } from './session/cancel-registry.ts';
import { Doorkeeper } from './session/doorkeeper.ts';
import { type Parts, sessionDependencies } from './session-dependencies.ts';
import { Sessions } from './session/sessions.ts';
import { optimiseWhenBusy, setStartFlags } from './v8-flags.ts';
import { boundYoungGeneration } from './young-generation.ts';

const VERSION = '0.1.0';

/** Milliseconds from a connection to the end of its authentication. */
const STARTUP_DEADLINE = 60_000;

/** Milliseconds that a failed start has for its log. */
const LAST_WORDS = 500;

const clock: Clock = { now: () => new Date(), monotonic: () => performance.now() };

/** Runs the proxy with the arguments behind `pg-airlock proxy` until a signal ends it; resolves with the exit code. */
export const runProxy = async (args: readonly string[], write: (text: string) => void): Promise<number> => {
  let config: ProxyConfig;
  try {
    config = parseProxyConfig(args);
    for (const { address } of sameAgentForAll(config) ? config.listeners : []) assertLoopback(address.host);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof Failure)) throw error;
    const detail = error instanceof Failure ? error.fields.detail : undefined;
    write(`pg-airlock: ${detail ?? error.message}\n\n${PROXY_USAGE}`);
    return 2;
  }
  const log = createLogger({ level: config.logLevel });
  try {
    await serve(config, log);
    return 0;
  } catch (error) {
    log.fatal({ err: error }, 'could not go on');
    // The log leaves messages of failures out, for they can quote values; these are about our own surroundings.
    const fields = error instanceof Failure ? error.fields : undefined;
    write(
      `pg-airlock: ${fields?.detail ?? (error instanceof Error ? error.message : String(error))}${fields?.hint === undefined ? '' : `\n${fields.hint}`}\n`,
    );
    // Whatever has been started already must not keep a process that serves nobody: who started it would not start it again.
    setTimeout(() => process.exit(1), LAST_WORDS).unref();
    return 1;
  }
};

const serve = async (config: ProxyConfig, log: Logger): Promise<void> => {
  setStartFlags();
  const metrics = createMetrics({ version: VERSION });
  const stopping = signalled();
  const sessions = new Sessions();
  const source = await policySource(config, { log, metrics, sessions });
  const audit = await openAuditStore({
    directory: config.audit,
    limitBytes: config.auditLimit,
    durability: () => durabilityOf(source.current()),
    clock,
    observer: metrics.audit,
  });
  metrics.observeAuditLag(() => audit.lag());
  const onFailure = (event: string, error: unknown): void => log.warn({ err: error, event }, 'something failed and is tried again');
  const registry = lateRegistry(source.follow, { clock, audit: () => audit, onFailure, warm: config.source.type === 'Operator' });
  const tls = config.tls === undefined ? undefined : await openClientTls(config.tls, (error) => onFailure('certificate', error));
  const listeners = await openListeners({ config, clock, log, metrics, source, registry, audit, tls }, sessions);
  let accepting = true;
  const listening = (): ReadinessCheck => ({
    name: 'listener',
    ready: accepting,
    detail: accepting ? 'accepting connections' : 'shutting down',
  });
  // A client that waits already is answered first.
  await nextTurn();
  const { startMetricsServer } = await import('./metrics/server.ts');
  const probes = await startMetricsServer({
    host: config.metrics.host,
    port: config.metrics.port,
    render: async () => {
      for (const { received } of listeners) metrics.received(received());
      return await metrics.render();
    },
    contentType: metrics.contentType,
    startup: () => [listening(), ...source.startup()],
    readiness: () => [listening(), { name: 'audit', ...audit.health() }, catalogReadiness(registry.unread()), ...source.readiness()],
  });
  for (const [index, { address }] of listeners.entries()) {
    const connection = config.listeners[index]?.connection;
    log.info(
      {
        address: `${address.address}:${address.port}`,
        ...(connection === undefined ? {} : { connection }),
        metrics: `${probes.address.address}:${probes.address.port}`,
      },
      'listening',
    );
  }
  // A database that is slow or down must not keep the health probes from answering; sessions wait for the catalog themselves.
  await nextTurn();
  void registry
    .opened()
    .then((opened) => opened.warmUp())
    .then(() => {
      releaseIdleMemory();
      boundYoungGeneration();
      optimiseWhenBusy();
    });
  log.info({ signal: await stopping, sessions: sessions.size }, 'shutting down');
  accepting = false;
  for (const listener of listeners) listener.close();
  await sessions.drain(config.grace, shuttingDown());
  await source.stop();
  tls?.stop();
  await registry.stop();
  await audit.close();
  await probes.close();
  log.info('stopped');
};

/** The strictest that a connection asks for: there is one log. */
const durabilityOf = (bundle: Bundle): 'Fsync' | 'Write' =>
  [...bundle.connections.values()].every((connection) => connection.auditDurability === 'Write') && bundle.connections.size > 0
    ? 'Write'
    : 'Fsync';

/** The signal that asks us to stop. Until then the process has a reason to live, whatever else it waits for. */
const signalled = (): Promise<string> =>
  new Promise((resolve) => {
    const reason = setInterval(() => undefined, 2 ** 30);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        clearInterval(reason);
        resolve(signal);
      });
    }
  });

/** Whether everybody who gets to a listener is the same agent. */
const sameAgentForAll = ({ source }: ProxyConfig): boolean => source.type === 'Operator' || source.identity !== undefined;

type SourceParts = { readonly log: Logger; readonly metrics: Metrics; readonly sessions: Sessions };

const policySource = async ({ source, listeners }: ProxyConfig, { log, metrics, sessions }: SourceParts): Promise<PolicySource> => {
  if (source.type === 'Manifests') return await followManifests({ ...source, log, metrics });
  const { followOperator } = await import('./control/follow-operator.ts');
  return await followOperator({
    operator: source,
    connections: listeners.flatMap(({ connection }) => connection ?? []),
    log,
    metrics,
    sessions: () => sessions.size,
  });
};

const openListeners = async (parts: Parts, sessions: Sessions): Promise<readonly Listener[]> => {
  const { config, metrics, tls } = parts;
  const { maxConnections } = config;
  const cancels = new CancelRegistry(randomBytes);
  // Where everybody is the same agent, there is nobody to keep a place for.
  const reserve = sameAgentForAll(config) ? 0 : Math.floor(maxConnections / 10);
  const doorkeeper = new Doorkeeper({ maxConnections, reserve, clock });
  const dependenciesOf = sessionDependencies(parts);
  const listeners: Listener[] = [];
  for (const listener of config.listeners) {
    const dependencies = dependenciesOf(listener);
    const opened = await listen(listener.address, {
      serve: () => ({
        dependencies,
        cancels,
        sessions,
        tls: tls === undefined ? undefined : { context: tls.current().context, required: false },
        startupDeadline: STARTUP_DEADLINE,
      }),
      doorkeeper,
      turnedAway: (failure) => {
        metrics.sessionResult('TurnedAway');
        metrics.limited(failure?.fields.limit ?? 'maxConnections');
      },
    });
    listeners.push(opened);
  }
  return listeners;
};
