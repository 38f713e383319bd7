/**
 * The registry, loaded behind the listener: with it comes all that judges statements, half of the program. The first session waits for it.
 */
import type { BundleListener } from '../policy-source.ts';
import type { AccessRegistry, AccessRegistryOptions } from './access-registry.ts';

export type LateRegistryOptions = AccessRegistryOptions & {
  /** Reads the catalogs ahead of the first session with each bundle, and not with the first only. */
  readonly warm: boolean;
};

export type LateRegistry = {
  /** Loads it at the first call. */
  readonly opened: () => Promise<AccessRegistry>;
  /** Connections whose catalog has not been read; undefined while nothing has been loaded. */
  readonly unread: () => readonly string[] | undefined;
  readonly stop: () => Promise<void>;
};

/** Nothing is loaded yet. `follow` tells of the bundle in force, at once, and of each later one. */
export const lateRegistry = (follow: (listener: BundleListener) => void, options: LateRegistryOptions): LateRegistry => {
  let registry: AccessRegistry | undefined;
  let opening: Promise<AccessRegistry> | undefined;
  const open = async (): Promise<AccessRegistry> => {
    const { AccessRegistry: Registry } = await import('./access-registry.ts');
    return await new Promise((resolve) => {
      follow((bundle, ended) => {
        if (registry === undefined) {
          resolve((registry = new Registry(bundle, options)));
          return;
        }
        registry.use(bundle, ended);
        if (options.warm) void registry.warmUp();
      });
    });
  };
  return {
    opened: () => (opening ??= open()),
    unread: () => registry?.unread,
    stop: async () => await (await opening)?.stop(),
  };
};
