/**
 * What sessions of one listener are given, put together from the parts of the proxy.
 */
import type { Logger } from 'pino';
import { randomBytes } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { Failure, notReady } from '../kernel/failure.ts';
import type { LateRegistry } from './access/late-registry.ts';
import type { AuditStore } from './audit/audit-store.ts';
import type { ClientTls } from './client-tls.ts';
import type { ListenerConfig, ProxyConfig } from './config.ts';
import { agentPassword } from './identity/agent-directory.ts';
import { startAuthentication } from './identity/authenticator.ts';
import { createScramSecrets } from './identity/scram-secrets.ts';
import { logStatement } from './metrics/log.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { PolicySource } from './policy-source.ts';
import type { Access, Authenticator, SessionDependencies } from './session/dependencies.ts';
import { MemoryPool } from './session/session-memory.ts';
import { encodeAuthenticationOk } from './wire/authentication.ts';

/** All sessions together may hold what so many may hold. */
const POOL_OF_SESSIONS = 8;

/** The parts that all listeners share. */
export type Parts = {
  readonly config: ProxyConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly source: PolicySource;
  readonly registry: LateRegistry;
  readonly audit: AuditStore;
  readonly tls: ClientTls | undefined;
};

/** Makes, for each listener, what its sessions are given. */
export const sessionDependencies = (parts: Parts): ((listener: ListenerConfig) => SessionDependencies) => {
  const { config, clock, log, metrics, source, registry, audit, tls } = parts;
  const secrets = createScramSecrets();
  const memory = new MemoryPool(config.sessionMemory * POOL_OF_SESSIONS);
  const everybody: Authenticator = {
    start: () => {
      const identity = source.identity();
      if (identity === undefined) throw notReady('It is not known yet which pod this is.');
      return { type: 'Done', messages: [encodeAuthenticationOk()], identity };
    },
    respond: () => Promise.reject(new Error('a fixed identity asks nothing')),
  };
  const logsIn = config.source.type === 'Manifests' && config.source.identity === undefined;
  const refusal = (): Failure | undefined => {
    const failure = source.refusal();
    if (failure !== undefined) metrics.sessionResult('Refused');
    return failure;
  };
  return ({ connection }) => ({
    clock,
    randomBytes,
    messageLimit: config.messageLimit,
    sendTimeout: config.sendTimeout,
    sessionMemory: config.sessionMemory,
    memory,
    refusal,
    log: (event, details) => log.warn({ event, ...details }, 'session'),
    limited: metrics.limited,
    observe: (outcome) => {
      metrics.statement(outcome);
      source.observe(outcome);
      logStatement(log, outcome);
    },
    authenticate: (user, encrypted) =>
      logsIn
        ? startAuthentication({
            user,
            agents: (name) => agentPassword(source.current().policies, name),
            secrets,
            ...(encrypted && tls !== undefined ? { tls: { certificateHash: tls.current().certificateHash } } : {}),
          })
        : everybody,
    authenticationFailed: (user, clientAddress, reason) => {
      metrics.sessionResult('AuthenticationFailed');
      log.warn({ user, clientAddress, reason }, 'authentication failed');
      audit
        .append([{ type: 'authentication-failed', user, clientAddress, reason }])
        .catch((error: unknown) => log.error({ err: error }, 'audit'));
    },
    openAccess: async (who, database, user) => {
      const access = await (await registry.opened()).open(who, { database, user, connection });
      // What is refused because access ended meanwhile is told so.
      return counted(access instanceof Failure ? (source.refusal() ?? access) : access, metrics);
    },
  });
};

/** The access with its sessions counted, from the database's session to its end. */
const counted = (access: Access | Failure, metrics: Metrics): Access | Failure => {
  if (access instanceof Failure) {
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
