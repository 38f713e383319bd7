import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyPatch } from '../../test/support/json-patch.ts';
import { type SidecarSettings, sidecarContainer, sidecarVolumes } from '../specs/sidecar.ts';
import { injectPod } from './inject-pod.ts';
import { type Json, listOf, objectOf } from './pod.ts';

const SETTINGS: SidecarSettings = {
  sidecar: {
    image: 'pg-airlock/proxy:0.1.0',
    imagePullPolicy: 'Always',
    uid: 64_532,
    resources: { limits: { cpu: '1', memory: '256Mi', 'ephemeral-storage': '2Gi' } },
    logLevel: 'info',
    auditSizeLimit: '1Gi',
  },
  controlUrl: 'https://pg-airlock-control.pg-airlock.svc:8444',
};
const CONNECTIONS = [{ namespace: 'agents', name: 'shop', port: 5432 }];
const SIDECAR = sidecarContainer(SETTINGS, CONNECTIONS);
const VOLUMES = sidecarVolumes(SETTINGS, CONNECTIONS);

const junk = fc.oneof(fc.constant(null), fc.integer(), fc.string(), fc.constant([]), fc.constant({}));
const rarely = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 9, arbitrary: value }, { weight: 1, arbitrary: junk });

const name = fc.constantFrom('agent', 'pg-airlock', 'pg-airlock-access', 'pg-airlock-audit', 'pg-airlock-x', 'data', 'istio-proxy');
const named = rarely(fc.record({ name: rarely(name), mountPath: fc.string() }, { requiredKeys: [] }));
const variable = rarely(
  fc.record({ name: fc.constantFrom('PGHOST', 'PGPORT', 'PGSSLMODE', 'A'), value: fc.constantFrom('127.0.0.1', 'x') }),
);
const container = fc.oneof(
  { weight: 1, arbitrary: fc.constant<unknown>(SIDECAR) },
  {
    weight: 6,
    arbitrary: rarely(
      fc.record(
        {
          name: rarely(name),
          env: rarely(fc.array(variable, { maxLength: 3 })),
          volumeMounts: rarely(fc.array(named, { maxLength: 4 })),
          volumeDevices: rarely(fc.array(named, { maxLength: 2 })),
          future: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
    ),
  },
);
const volume = fc.oneof(named, fc.constantFrom<unknown>(...VOLUMES));
const pod = fc.record({
  metadata: fc.record({
    labels: fc.constant({ 'pg-airlock.dev/agent': 'true' }),
    annotations: fc.constantFrom(
      { 'pg-airlock.dev/connection': 'shop' },
      { 'pg-airlock.dev/connection': 'shop', 'x/pg-airlock': 'y', 'a~b/pg-airlock': '', 'pg-airlock.dev/injected': 'true' },
    ),
  }),
  spec: fc.record(
    {
      initContainers: rarely(fc.array(container, { maxLength: 4 })),
      containers: rarely(fc.array(container, { maxLength: 4 })),
      volumes: rarely(fc.array(volume, { maxLength: 5 })),
      future: fc.jsonValue(),
    },
    { requiredKeys: [] },
  ),
});

const isReserved = (value: unknown): boolean => /^pg-airlock(-|$)/.test(String(objectOf(value)['name']));
const without = (list: unknown, isOurs: (value: unknown) => boolean): unknown =>
  Array.isArray(list) ? list.filter((entry) => !isOurs(entry)) : list;

/** What of a container injection may not touch. */
const kept = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { env: _, volumeMounts, volumeDevices, ...rest } = value as Json;
  return { ...rest, volumeMounts: without(volumeMounts, isReserved), volumeDevices: without(volumeDevices, isReserved) };
};
const others = (list: unknown): readonly unknown[] =>
  listOf(list)
    .filter((entry) => objectOf(entry)['name'] !== 'pg-airlock')
    .map(kept);

describe('injectPod()', () => {
  it('puts the sidecar first and whole, leaves the rest as it is, and has nothing to add to that, whatever it is given', () => {
    let injected = 0;
    fc.assert(
      fc.property(pod, (drawn) => {
        const input = JSON.parse(JSON.stringify(drawn)) as typeof drawn;
        const injection = injectPod(input, 'agents', SETTINGS);
        if (injection.type !== 'Injected') return;
        injected += 1;
        const output = applyPatch(input, injection.patch) as typeof input;
        const spec: Json = output.spec;
        expect(injectPod(output, 'agents', SETTINGS)).toEqual({ type: 'Injected', patch: [], warnings: [] });

        expect(listOf(spec['initContainers'])[0]).toEqual(SIDECAR);
        const all = [...listOf(spec['initContainers']), ...listOf(spec['containers'])];
        expect(all.filter((entry) => objectOf(entry)['name'] === 'pg-airlock')).toHaveLength(1);
        expect(listOf(spec['volumes']).filter(isReserved)).toEqual(VOLUMES);
        const mounts = all
          .slice(1)
          .flatMap((entry) => [...listOf(objectOf(entry)['volumeMounts']), ...listOf(objectOf(entry)['volumeDevices'])]);
        expect(mounts.filter(isReserved)).toEqual([]);
        expect(Object.keys(output.metadata.annotations).filter((key) => key.endsWith('/pg-airlock'))).toEqual([]);

        const before: Json = input.spec;
        for (const field of ['initContainers', 'containers']) expect(others(spec[field])).toEqual(others(before[field]));
        expect(listOf(spec['volumes']).filter((entry) => !isReserved(entry))).toEqual(
          listOf(before['volumes']).filter((entry) => !isReserved(entry)),
        );
        expect(spec['future']).toEqual(before['future']);
      }),
      { numRuns: 2000, seed: 5 },
    );
    expect(injected).toBeGreaterThan(500);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (metadata, spec) => {
        const labelled = { metadata: { ...(metadata as object), labels: { 'pg-airlock.dev/agent': 'true' } }, spec };
        expect(injectPod(labelled, 'agents', SETTINGS).type).toBe('Refused');
        expect(['NotAnAgent', 'Refused']).toContain(injectPod(metadata, 'agents', SETTINGS).type);
      }),
    );
  });
});
