import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { injectPod } from '../../operator/inject/inject-pod.ts';
import { applyPatch } from '../support/json-patch.ts';
import { NAMESPACE, SETTINGS, goldenPods } from './golden-pods.ts';

const pods = goldenPods();
const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
const injected = pods.flatMap((pod) => {
  const injection = injectPod(pod.input, NAMESPACE, SETTINGS);
  return injection.type === 'Injected' ? [{ ...pod, result: applyPatch(pod.input, injection.patch) }] : [];
});

describe('injectPod()', () => {
  it.each(injected)('makes what is expected of $name', async ({ output, result }) => {
    await expect(json(result)).toMatchFileSnapshot(output);
  });

  it.each(injected)('has nothing to add to $name once it is injected', ({ result }) => {
    expect(injectPod(result, NAMESPACE, SETTINGS)).toEqual({ type: 'Injected', patch: [], warnings: [] });
  });

  it.each(
    pods.flatMap(({ name, input, refused }) => {
      const injection = injectPod(input, NAMESPACE, SETTINGS);
      return injection.type === 'Refused' ? [{ name, refused, reasons: injection.reasons }] : [];
    }),
  )('says all that is against $name', async ({ refused, reasons }) => {
    await expect(reasons.map((reason) => `${reason}\n`).join('')).toMatchFileSnapshot(refused);
  });

  it('leaves alone what is no agent', () => {
    const names = pods.filter(({ input }) => injectPod(input, NAMESPACE, SETTINGS).type === 'NotAnAgent').map(({ name }) => name);
    expect(names).toEqual(['false-label', 'no-label']);
  });

  it('has nothing to do for what is injected already', () => {
    const { input } = pods.find(({ name }) => name === 'injected-already') ?? {};
    expect(injectPod(input, NAMESPACE, SETTINGS)).toEqual({ type: 'Injected', patch: [], warnings: [] });
  });

  it('does not change its input', () => {
    const before = pods.map(({ input }) => json(input));
    for (const { input } of pods) injectPod(input, NAMESPACE, SETTINGS);
    expect(pods.map(({ input }) => json(input))).toEqual(before);
  });

  it('has exactly one outcome for each golden pod', () => {
    const files = readdirSync(join(import.meta.dirname, 'pods'));
    const outcomes = pods.map(({ name }) => ({ name, files: files.filter((file) => file.startsWith(`${name}.`)).length }));
    expect(outcomes.filter(({ name, files }) => files !== (['false-label', 'no-label'].includes(name) ? 1 : 2))).toEqual([]);
    expect(pods.length).toBeGreaterThanOrEqual(40);
  });
});
