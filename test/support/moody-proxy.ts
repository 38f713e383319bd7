/**
 * A TCP proxy that can fail in the ways of real networks: refuse, reset, or go silent with everything still open.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type MoodyProxy = {
  readonly port: number;
  /** Connections since the start. */
  readonly accepted: () => number;
  /** Resets all connections, and each new one, until `mend`. */
  readonly cut: () => void;
  /** Passes nothing more on the connections that are open, and keeps them so. New ones work. */
  readonly freeze: () => void;
  readonly mend: () => void;
  readonly close: () => Promise<void>;
};

/** Listens on a free port of 127.0.0.1, and passes on to another. */
export const startMoodyProxy = async (targetPort: number): Promise<MoodyProxy> => {
  const pairs = new Set<readonly [Socket, Socket]>();
  let accepted = 0;
  let isCut = false;
  const server = createServer((inner) => {
    inner.on('error', () => undefined);
    if (isCut) {
      inner.resetAndDestroy();
      return;
    }
    accepted += 1;
    const outer = connect(targetPort, '127.0.0.1');
    outer.on('error', () => inner.resetAndDestroy());
    const pair = [inner, outer] as const;
    pairs.add(pair);
    inner.pipe(outer);
    outer.pipe(inner);
    inner.on('error', () => outer.destroy());
    inner.once('close', () => {
      outer.destroy();
      pairs.delete(pair);
    });
    outer.once('close', () => inner.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    accepted: () => accepted,
    cut: () => {
      isCut = true;
      for (const [inner] of pairs) inner.resetAndDestroy();
    },
    freeze: () => {
      for (const [inner, outer] of pairs) {
        inner.unpipe(outer);
        outer.unpipe(inner);
        inner.pause();
        outer.pause();
      }
    },
    mend: () => {
      isCut = false;
    },
    close: () =>
      new Promise((resolve) => {
        for (const [inner] of pairs) inner.destroy();
        server.close(() => resolve());
      }),
  };
};
