/**
 * What sidecars report of policies, as all replicas of the operator write it down: looked up from time to time, and summed up.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Kube, KubeObject } from '../kube/kube.ts';
import { readTally, sumTallies, type Tally, TALLY_SELECTOR } from '../specs/tally.ts';
import { jittered } from '../jittered.ts';

/** What is reported of one generation of a policy. */
export type PolicyCounts = { readonly pods: number; readonly blocked: number; readonly masked: number };

export type Tallies = {
  readonly of: (policy: string, generation: number | undefined) => PolicyCounts;
  readonly stop: () => void;
};

export type TalliesOptions = {
  readonly kube: Kube;
  readonly namespace: string;
  readonly log: Logger;
  readonly everyMs: number;
  /** Told of each policy that something new is reported of. */
  readonly onChange: (policy: string) => void;
};

/** Starts to look. */
export const startTallies = ({ kube, namespace, log, everyMs, onChange }: TalliesOptions): Tallies => {
  const stopping = new AbortController();
  const { signal } = stopping;
  let sum: Tally = new Map();

  const look = async (): Promise<void> => {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const list = await kube.request<{ readonly items: readonly KubeObject[] }>('GET', path, {
      query: { labelSelector: TALLY_SELECTOR },
      signal,
    });
    const before = sum;
    sum = sumTallies(list.items.map(readTally));
    for (const policy of new Set([...before.keys(), ...sum.keys()])) {
      if (!isDeepStrictEqual(before.get(policy), sum.get(policy))) onChange(policy);
    }
  };

  const follow = async (): Promise<void> => {
    while (!signal.aborted) {
      await look().catch((error: unknown) => {
        if (!signal.aborted) log.warn({ err: error }, 'could not read what sidecars report');
      });
      await pause(jittered(everyMs), undefined, { signal, ref: false }).catch(() => undefined);
    }
  };

  void follow();
  return {
    of: (policy, generation) => {
      const { generation: reported, pods = 0, blocked = 0, masked = 0 } = sum.get(policy) ?? {};
      return { pods: reported === generation ? pods : 0, blocked, masked };
    },
    stop: () => stopping.abort(),
  };
};
