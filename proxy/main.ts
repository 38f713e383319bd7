/**
 * The proxy as a program: the only place that knows all of its parts. Things start here: `runProxy`.
 */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Bundle } from '../kernel/policy.ts';
import { Failure, shuttingDown } from '../kernel/failure.ts';
import type { Clock } from '../kernel/clock.ts';
import { type LateRegistry, lateRegistry } from './access/late-registry.ts';
import { type AuditStore, openAuditStore } from './audit/audit-store.ts';
import { type ClientTls, openClientTls } from './client-tls.ts';
import { parseProxyConfig, PROXY_USAGE, type ProxyConfig, UsageError } from './config.ts';
import { agentPassword } from './identity/agent-directory.ts';
import { startAuthentication } from './identity/authenticator.ts';
import { assertLoopback, fixedIdentity } from './identity/fixed-identity.ts';
import { releaseIdleMemory } from './idle-memory.ts';
import { createScramSecrets } from './identity/scram-secrets.ts';
import { listen } from './listener.ts';
import { followManifests, type Manifests } from './follow-manifests.ts';
import { createLogger, logStatement } from './metrics/log.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { catalogReadiness, manifestsReadiness } from './metrics/readiness.ts';
import { CancelRegistry } from './session/cancel-registry.ts';
import type { Access, Authenticator, SessionDependencies } from './session/dependencies.ts';
import { Doorkeeper } from './session/doorkeeper.ts';
import { MemoryPool } from './session/session-memory.ts';
import { Sessions } from './session/sessions.ts';
import { optimiseWhenBusy, setStartFlags } from './v8-flags.ts';
import { encodeAuthenticationOk } from './wire/authentication.ts';
import { boundYoungGeneration } from './young-generation.ts';

const VERSION = '0.1.0';

/** Milliseconds from a connection to the end of its authentication. */
const STARTUP_DEADLINE = 60_000;

/** All sessions together may hold what so many may hold. */
const POOL_OF_SESSIONS = 8;

const clock: Clock = { now: () => new Date(), monotonic: () => performance.now() };

/** Runs the proxy with the arguments behind `pg-airlock proxy` until a signal ends it; resolves with the exit code. */
export const runProxy = async (args: readonly string[], write: (text: string) => void): Promise<number> => {
  let config: ProxyConfig;
  try {
    config = parseProxyConfig(args);
    if (config.identity !== undefined) assertLoopback(config.listen.host);
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
    return 1;
  }
};

const serve = async (config: ProxyConfig, log: Logger): Promise<void> => {
  setStartFlags();
  const metrics = createMetrics({ version: VERSION });
  const stopping = signalled();
  const manifests = await followManifests(config.manifests, log, metrics);
  const audit = await openAuditStore({
    directory: config.audit,
    durability: () => durabilityOf(manifests.current()),
    clock,
    observer: metrics.audit,
  });
  metrics.observeAuditLag(() => audit.lag());
  const onFailure = (event: string, error: unknown): void => log.warn({ err: error, event }, 'something failed and is tried again');
  const registry = lateRegistry(manifests.follow, { clock, audit: () => audit, onFailure });
  const tls = config.tls === undefined ? undefined : await openClientTls(config.tls, (error) => onFailure('certificate', error));
  const sessions = new Sessions();
  const dependencies = dependenciesOf({ config, log, metrics, manifests, registry, audit, tls });
  const cancels = new CancelRegistry(randomBytes);
  let accepting = true;
  const { maxConnections } = config;
  // Where everybody is the same agent, there is nobody to keep a place for.
  const reserve = config.identity === undefined ? Math.floor(maxConnections / 10) : 0;
  const listener = await listen(config.listen, {
    serve: () => ({
      dependencies,
      cancels,
      sessions,
      tls: tls === undefined ? undefined : { context: tls.current().context, required: false },
      startupDeadline: STARTUP_DEADLINE,
    }),
    doorkeeper: new Doorkeeper({ maxConnections, reserve, clock }),
    turnedAway: (failure) => {
      metrics.sessionResult('TurnedAway');
      metrics.limited(failure?.fields.limit ?? 'maxConnections');
    },
  });
  // A client that waits already is answered first.
  await nextTurn();
  const { startMetricsServer } = await import('./metrics/server.ts');
  const probes = await startMetricsServer({
    host: config.metrics.host,
    port: config.metrics.port,
    render: async () => {
      metrics.received(listener.received());
      return await metrics.render();
    },
    contentType: metrics.contentType,
    readiness: () => [
      { name: 'listener', ready: accepting, detail: accepting ? 'accepting connections' : 'shutting down' },
      { name: 'audit', ...audit.health() },
      catalogReadiness(registry.unread()),
      manifestsReadiness(manifests.current()),
    ],
  });
  log.info(
    { address: `${listener.address.address}:${listener.address.port}`, metrics: `${probes.address.address}:${probes.address.port}` },
    'listening',
  );
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
  listener.close();
  await sessions.drain(config.grace, shuttingDown());
  manifests.stop();
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

type Parts = {
  readonly config: ProxyConfig;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly manifests: Manifests;
  readonly registry: LateRegistry;
  readonly audit: AuditStore;
  readonly tls: ClientTls | undefined;
};

const dependenciesOf = ({ config, log, metrics, manifests, registry, audit, tls }: Parts): SessionDependencies => {
  const secrets = createScramSecrets();
  const { identity } = config;
  const everybody: Authenticator | undefined =
    identity === undefined
      ? undefined
      : {
          start: () => ({ type: 'Done', messages: [encodeAuthenticationOk()], identity: fixedIdentity(identity) }),
          respond: () => Promise.reject(new Error('a fixed identity asks nothing')),
        };
  return {
    clock,
    randomBytes,
    messageLimit: config.messageLimit,
    sendTimeout: config.sendTimeout,
    sessionMemory: config.sessionMemory,
    memory: new MemoryPool(config.sessionMemory * POOL_OF_SESSIONS),
    log: (event, details) => log.warn({ event, ...details }, 'session'),
    limited: metrics.limited,
    observe: (outcome) => {
      metrics.statement(outcome);
      logStatement(log, outcome);
    },
    authenticate: (user, encrypted) =>
      everybody ??
      startAuthentication({
        user,
        agents: (name) => agentPassword(manifests.current().policies, name),
        secrets,
        ...(encrypted && tls !== undefined ? { tls: { certificateHash: tls.current().certificateHash } } : {}),
      }),
    authenticationFailed: (user, clientAddress, reason) => {
      metrics.sessionResult('AuthenticationFailed');
      log.warn({ user, clientAddress, reason }, 'authentication failed');
      audit
        .append([{ type: 'authentication-failed', user, clientAddress, reason }])
        .catch((error: unknown) => log.error({ err: error }, 'audit'));
    },
    openAccess: async (who, database, user) => counted(await (await registry.opened()).open(who, database, user), metrics),
  };
};

/** The access with its sessions counted, from the database's session to its end. */
const counted = (access: Access | Failure, metrics: Metrics): Access | Failure => {
  if (access instanceof Error) {
    metrics.sessionResult('Refused');
    return access;
  }
  return {
    ...access,
    openUpstream: async (parameters, signal) => {
      try {
        const upstream = await access.openUpstream(parameters, signal);
        metrics.sessionResult('Accepted');
        metrics.sessionOpened();
        upstream.onClose(() => metrics.sessionClosed());
        return upstream;
      } catch (error) {
        metrics.sessionResult('UpstreamFailed');
        throw error;
      }
    },
  };
};
