import { describe, expect, it } from 'vitest';
import { type CatalogSession, CatalogStore } from './catalog-store.ts';

describe('CatalogStore', () => {
  it('ends a session that opens while it stops, which would keep the process alive', async () => {
    let opened: (session: CatalogSession) => void = () => undefined;
    let ended = 0;
    const failures: unknown[] = [];
    const store = new CatalogStore({
      open: () =>
        new Promise((resolve) => {
          opened = resolve;
        }),
      onFailure: (failure) => failures.push(failure),
    });
    const read = store.ensure();
    await Promise.resolve();
    await store.stop();
    opened({
      query: () => Promise.reject(new Error('nothing is asked')),
      queryAll: () => Promise.reject(new Error('nothing is asked')),
      end: () => {
        ended += 1;
        return Promise.resolve();
      },
    });
    await expect(read).rejects.toMatchObject({ fields: { code: 'not-ready' } });
    expect([ended, failures]).toEqual([1, []]);
  });
});
