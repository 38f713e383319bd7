/**
 * The policies of a sidecar: a stream from the operator, and credentials in files. Things start here: `followOperator`.
 */
import type { Logger } from 'pino';
import type { SidecarReport } from '../../kernel/control.ts';
import { problemText } from '../../kernel/manifest/problem.ts';
import type { AccessPolicy, ConnectionKey } from '../../kernel/policy.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ReadinessCheck } from '../metrics/server.ts';
import type { BundleListener, PolicySource } from '../policy-source.ts';
import { type CredentialFiles, followCredentials } from './credential-files.ts';
import { OperatorLink } from './operator-link.ts';
import type { Operator } from './operator-request.ts';
import { agentOf, PodBundle } from './pod-bundle.ts';
import { PolicyTally } from './policy-tally.ts';
import { startReporter } from './reporter.ts';

export type FollowOperatorOptions = {
  readonly operator: Operator;
  /** The connections that there are listeners for. */
  readonly connections: readonly ConnectionKey[];
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Sessions at present. */
  readonly sessions: () => number;
};

const inForce = ({ notBefore, notAfter }: AccessPolicy, now: number): boolean =>
  (notBefore === undefined || notBefore.getTime() <= now) && (notAfter === undefined || now < notAfter.getTime());

const monotonic = (): number => performance.now();

/** Follows the operator until `stop`. What is missing at first is waited for, and sessions are refused until it is there. */
export const followOperator = async (options: FollowOperatorOptions): Promise<PolicySource> => {
  const { operator, connections, log, metrics } = options;
  const observed = metrics.operator();
  let listener: BundleListener | undefined;
  const pod = new PodBundle({
    onBundle: (bundle, ended) => {
      observed.suspended(ended !== undefined);
      if (ended === undefined) {
        metrics.policyLoaded(bundle.revision);
        metrics.policyReload('Accepted');
        log.info({ revision: pod.revision, connections: bundle.connections.size, policies: bundle.policies.length }, 'policy in force');
      } else log.error({ reason: ended.fields.detail }, ended.message);
      listener?.(bundle, ended);
    },
    onProblems: (problems) => {
      metrics.policyReload('Refused');
      for (const problem of problems) log.error({ problem: problemText(problem) }, 'bundle');
      log.error({ revision: pod.revision }, 'the bundle is refused; the last good policy stays in force');
    },
  });

  const credentials: CredentialFiles = await followCredentials(operator.access, connections, () => look());
  const look = (): void => {
    const problem = credentials.problem();
    if (problem !== undefined) log.error({ problem }, 'credentials cannot be used');
    if (connections.every((key) => credentials.current().has(key))) pod.useCredentials(credentials.current());
  };
  look();

  let told = '';
  const link = new OperatorLink({
    operator,
    monotonic,
    random: Math.random,
    listeners: {
      onBundle: (message) => {
        observed.connected(true);
        if (told !== '') log.info('the operator is back');
        told = '';
        pod.take(message);
        reporter.nudge();
      },
      onRevoked: (reason) => pod.revoke(reason),
      onStale: (seconds) => pod.expire(seconds),
      onEnd: (end, delay) => {
        observed.connected(false);
        const reason = 'reason' in end ? end.reason : end.type;
        // Once for each reason: this goes on for as long as the operator is away.
        if (reason !== told && end.type !== 'Closed') log.warn({ reason, nextInMs: Math.round(delay) }, 'no connection to the operator');
        if (end.type !== 'Closed') told = reason;
      },
    },
  });

  const policiesOf = (connection: ConnectionKey): readonly string[] =>
    pod.current.policies.filter((policy) => policy.connection === connection).map(({ key }) => key);
  const tally = new PolicyTally(policiesOf);

  const startup = (): readonly ReadinessCheck[] => [
    { name: 'credentials', ready: connections.every((key) => credentials.current().has(key)), detail: credentials.problem() ?? 'loaded' },
    { name: 'bundle', ready: pod.began, detail: pod.began ? 'received' : (pod.refusal?.fields.detail ?? '') },
  ];
  const readiness = (): readonly ReadinessCheck[] => {
    const now = Date.now();
    const policies = pod.current.policies.filter((policy) => inForce(policy, now));
    return [
      ...startup(),
      {
        name: 'operator',
        ready: pod.refusal === undefined,
        detail: pod.refusal?.fields.detail ?? (link.connected ? 'connected' : 'away; the last bundle is served for a while'),
      },
      { name: 'accepted', ready: pod.problems.length === 0, detail: pod.problems.map(problemText).join('; ') },
      {
        name: 'policy',
        ready: policies.length > 0,
        detail: policies.length > 0 ? policies.map(({ key }) => key).join(', ') : 'no policy in force names this pod',
      },
    ];
  };
  const report = (): SidecarReport => ({
    revision: pod.revision,
    ready: readiness().every(({ ready }) => ready),
    sessions: options.sessions(),
    policies: tally.counts(),
  });
  const reporter = startReporter({
    operator,
    report,
    replica: () => link.replica,
    connected: () => link.connected,
    onFailure: (error) => log.debug({ err: error }, 'could not report to the operator'),
    random: Math.random,
  });

  return {
    current: () => pod.current,
    follow: (next) => {
      listener = next;
      next(pod.current);
    },
    refusal: () => pod.refusal,
    identity: () => (pod.identity === undefined ? undefined : { agent: agentOf(pod.identity), method: 'Pod', ...pod.identity }),
    startup,
    readiness,
    observe: (outcome) => tally.observe(outcome),
    stop: async () => {
      // Before the stream ends: it is what tells the operator that there will be no more.
      await reporter.stop();
      link.stop();
      credentials.stop();
    },
  };
};
