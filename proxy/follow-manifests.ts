/**
 * The manifests in force: read once, then followed, and told of in log and metrics.
 */
import type { Logger } from 'pino';
import { problemText } from '../kernel/manifest/problem.ts';
import type { Bundle } from '../kernel/policy.ts';
import { watchManifests } from './manifests/watch-manifests.ts';
import type { Metrics } from './metrics/metrics.ts';
import { manifestsReadiness } from './metrics/readiness.ts';
import type { BundleListener, PolicySource } from './policy-source.ts';
import { fixedIdentity } from './identity/fixed-identity.ts';

export type FollowManifestsOptions = {
  readonly directory: string;
  /** The agent that everybody is; undefined: agents log in. */
  readonly identity: string | undefined;
  readonly log: Logger;
  readonly metrics: Metrics;
};

/** Reads the manifests, and keeps following them. @throws Error when the first read finds a problem. */
export const followManifests = async ({ directory, identity, log, metrics }: FollowManifestsOptions): Promise<PolicySource> => {
  let current: Bundle | undefined;
  let listener: BundleListener | undefined;
  const tell = (level: 'warn' | 'error', problems: readonly Parameters<typeof problemText>[0][]): void => {
    for (const problem of problems) log[level]({ problem: problemText(problem) }, 'manifest');
  };
  const { stop } = await watchManifests(directory, {
    onBundle: (bundle, warnings) => {
      tell('warn', warnings);
      metrics.policyLoaded(bundle.revision);
      metrics.policyReload('Accepted');
      log.info({ revision: bundle.revision, connections: bundle.connections.size, policies: bundle.policies.length }, 'policy in force');
      current = bundle;
      listener?.(bundle);
    },
    onProblems: (problems, warnings) => {
      tell('warn', warnings);
      tell('error', problems);
      metrics.policyReload('Refused');
      if (current !== undefined) log.error({ revision: current.revision }, 'the change is refused; the last good policy stays in force');
    },
  });
  const last = (): Bundle => {
    if (current === undefined) throw new Error(`the manifests in ${directory} cannot be used; the lines above say why`);
    return current;
  };
  try {
    last();
  } catch (error) {
    stop();
    throw error;
  }
  return {
    current: last,
    follow: (next) => {
      listener = next;
      // A change that came in between is not lost.
      next(last());
    },
    refusal: () => undefined,
    identity: () => (identity === undefined ? undefined : fixedIdentity(identity)),
    startup: () => [],
    readiness: () => [manifestsReadiness(last())],
    observe: () => undefined,
    stop,
  };
};
