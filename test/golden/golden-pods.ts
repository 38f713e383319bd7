/**
 * Golden pairs of injection: `NAME.input.json` is a pod as the API server sends it, and beside it stands what has to come of it:
 * `NAME.output.json`, `NAME.refused.txt`, or neither for a pod that is no agent's.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SidecarSettings } from '../../operator/specs/sidecar.ts';

const DIRECTORY = join(import.meta.dirname, 'pods');

/** The namespace that the pods are created in. */
export const NAMESPACE = 'agents';

/** What the expected pods were rendered with. */
export const SETTINGS: SidecarSettings = {
  sidecar: {
    image: 'pg-airlock/proxy:0.1.0',
    imagePullPolicy: 'IfNotPresent',
    uid: 64_532,
    resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } },
    logLevel: 'info',
    auditSizeLimit: '1Gi',
  },
  controlUrl: 'https://pg-airlock-control.pg-airlock.svc:8444',
};

export type GoldenPod = { readonly name: string; readonly input: unknown; readonly output: string; readonly refused: string };

const SUFFIX = '.input.json';

/** All pairs, by name; `output` and `refused` are paths, of which at most one exists. */
export const goldenPods = (): readonly GoldenPod[] =>
  readdirSync(DIRECTORY)
    .filter((file) => file.endsWith(SUFFIX))
    .toSorted()
    .map((file) => {
      const name = file.slice(0, -SUFFIX.length);
      return {
        name,
        input: JSON.parse(readFileSync(join(DIRECTORY, file), 'utf8')) as unknown,
        output: join(DIRECTORY, `${name}.output.json`),
        refused: join(DIRECTORY, `${name}.refused.txt`),
      };
    });
