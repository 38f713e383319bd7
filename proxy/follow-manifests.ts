/**
 * The manifests in force: read once, then followed, and told of in log and metrics.
 */
import type { Logger } from 'pino';
import { problemText } from '../kernel/manifest/problem.ts';
import type { Bundle } from '../kernel/policy.ts';
import { watchManifests } from './manifests/watch-manifests.ts';
import type { Metrics } from './metrics/metrics.ts';

/** Manifests that are followed. */
export type Manifests = {
  /** The last good bundle. */
  readonly current: () => Bundle;
  /** `listener` is told of every later bundle, and of the current one at once. */
  readonly follow: (listener: (bundle: Bundle) => void) => void;
  readonly stop: () => void;
};

/** Reads the manifests, and keeps following them. @throws Error when the first read finds a problem. */
export const followManifests = async (directory: string, log: Logger, metrics: Metrics): Promise<Manifests> => {
  let current: Bundle | undefined;
  let listener: ((bundle: Bundle) => void) | undefined;
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
    stop,
  };
};
