import { describe, expect, it } from 'vitest';
import { CancelRegistry } from './cancel-registry.ts';

describe('CancelRegistry', () => {
  const registry = (): {
    registry: CancelRegistry;
    cancelled: string[];
    register: (name: string, minor?: number) => ReturnType<CancelRegistry['register']>;
  } => {
    let next = 0;
    const made = new CancelRegistry((size) => {
      next += 1;
      return Buffer.alloc(size, next);
    });
    const cancelled: string[] = [];
    return {
      registry: made,
      cancelled,
      register: (name, minor = 0) =>
        made.register(minor, async () => {
          cancelled.push(name);
        }),
    };
  };

  it('cancels the session whose key is named, and no other', async () => {
    const { registry: keys, cancelled, register } = registry();
    const a = register('a');
    const b = register('b');
    await keys.cancel(b);
    await keys.cancel({ processId: a.processId, secretKey: b.secretKey });
    await keys.cancel({ processId: a.processId, secretKey: Buffer.concat([a.secretKey, Buffer.of(0)]) });
    await keys.cancel({ processId: 12345, secretKey: a.secretKey });
    expect(cancelled).toEqual(['b']);
  });

  it('forgets a session', async () => {
    const { registry: keys, cancelled, register } = registry();
    const key = register('a');
    keys.forget(key);
    await keys.cancel(key);
    expect(cancelled).toEqual([]);
  });

  it('gives keys of 4 bytes to protocol 3.0 and of 32 bytes to 3.2', () => {
    const { register } = registry();
    expect([register('a', 0).secretKey.length, register('b', 2).secretKey.length]).toEqual([4, 32]);
  });
});
