import { describe, expect, it } from 'vitest';
import type { Change, Informer } from '../kube/kube.ts';
import type { PodObject } from '../world.ts';
import { PodAddresses } from './agent-pods.ts';

const pod = (name: string, podIP: string | undefined, phase = 'Running'): PodObject => ({
  metadata: { name, namespace: 'agents', uid: `uid-of-${name}` },
  spec: {},
  status: { phase, ...(podIP === undefined ? {} : { podIP }) },
});

const following = (...pods: readonly PodObject[]) => {
  let told: (change: Change<PodObject>) => void = () => undefined;
  const informer = {
    list: () => pods,
    listen: (listener: typeof told) => {
      told = listener;
      return () => undefined;
    },
  } as unknown as Informer<PodObject>;
  const addresses = new PodAddresses(informer);
  const change = (before: PodObject | undefined, after: PodObject | undefined): void => told({ key: '', before, after });
  return { addresses, change };
};

describe('PodAddresses', () => {
  it('knows when a token comes from the address of another agent', () => {
    const { addresses } = following(pod('one', '10.0.0.1'), pod('two', '10.0.0.2'));
    const of = (address: string) => addresses.isOfAnother(address, 'uid-of-one');
    expect([of('10.0.0.1'), of('::ffff:10.0.0.2'), of('10.0.0.3')]).toEqual([false, true, false]);
  });

  it('takes no address from a pod because another says that it has it', () => {
    const { addresses, change } = following(pod('one', '10.0.0.1'));
    change(undefined, pod('liar', '10.0.0.1'));
    expect(addresses.isOfAnother('10.0.0.1', 'uid-of-one')).toBe(false);
    change(pod('liar', '10.0.0.1'), undefined);
    expect([addresses.isOfAnother('10.0.0.1', 'uid-of-one'), addresses.isOfAnother('10.0.0.1', 'uid-of-liar')]).toEqual([false, true]);
  });

  it('gives the address of a pod that has ended to the next', () => {
    const { addresses, change } = following(pod('one', '10.0.0.1'));
    change(pod('one', '10.0.0.1'), pod('one', '10.0.0.1', 'Succeeded'));
    expect(addresses.isOfAnother('10.0.0.1', 'uid-of-two')).toBe(false);
  });
});
