import { describe, expect, it } from 'vitest';
import { type Progress, readinessOf } from './health.ts';
import { KubeFailure } from './kube/kube.ts';

const ALL: Progress = { informers: new Map(), certificate: true, webhook: true, control: true, stopping: false };
const informerIs = (synced: boolean, failure?: KubeFailure) =>
  readinessOf({ ...ALL, informers: new Map([['pods', { synced, failure }]]) }).find(({ name }) => name === 'pods');

describe('readinessOf()', () => {
  it.each([
    [{}, []],
    [{ stopping: true }, ['running: shutting down']],
    [
      { certificate: false, webhook: false, control: false },
      ['certificate: not there yet', 'webhook: waits for the certificate', 'control plane: waits for certificate and informers'],
    ],
  ])('with %j misses %j', (progress, missing) => {
    const checks = readinessOf({ ...ALL, ...progress });
    expect(checks.filter(({ ready }) => !ready).map(({ name, detail }) => `${name}: ${detail}`)).toEqual(missing);
  });

  it('waits for the first list of each informer, and for no more than that', () => {
    const gone = new KubeFailure(0, 'Unreachable', 'could not reach the API server');
    expect(informerIs(false)).toEqual({ name: 'pods', ready: false, detail: 'not listed yet' });
    expect(informerIs(true)).toEqual({ name: 'pods', ready: true, detail: 'fresh' });
    expect(informerIs(false, gone)).toEqual({ name: 'pods', ready: false, detail: 'cannot follow: could not reach the API server' });
    expect(informerIs(true, gone)).toEqual({ name: 'pods', ready: true, detail: 'cannot follow: could not reach the API server' });
  });

  it('says what to do where a kind is not installed', () => {
    expect(informerIs(false, new KubeFailure(404, 'NotFound', 'not found'))?.detail).toBe(
      'cannot follow: its CustomResourceDefinition is not installed: apply those of the chart (not found)',
    );
  });
});
