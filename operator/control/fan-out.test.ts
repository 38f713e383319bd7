import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pino from 'pino';
import { afterEach, expect, it } from 'vitest';
import { AGENT_LABEL } from '../../kernel/cluster-names.ts';
import type { Change, Informer, KubeObject } from '../kube/kube.ts';
import type { PodObject, World } from '../world.ts';
import type { BundleMaker, MadeBundle } from './bundle-maker.ts';
import { FanOut } from './fan-out.ts';
import { SidecarStream } from './sidecar-stream.ts';
import { Streams } from './streams.ts';

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

const pod: PodObject = { metadata: { name: 'reporter', namespace: 'agents', uid: 'u1', labels: { [AGENT_LABEL]: 'true' } }, spec: {} };

/** An informer that knows one object, and tells of a change when asked to. */
const knowing = <T extends KubeObject>(object: T | undefined) => {
  const listeners = new Set<(change: Change<T>) => void>();
  const informer = {
    get: () => object,
    listen: (listener: (change: Change<T>) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as Informer<T>;
  const change = (): void => {
    for (const listener of listeners) listener({ key: 'agents/reporter', before: object, after: object });
  };
  return { informer, change };
};

const open = async (): Promise<{ stream: SidecarStream; reader: IncomingMessage }> => {
  const served = Promise.withResolvers<ServerResponse>();
  const server = createServer((_request, response) => served.resolve(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ended.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const answered = Promise.withResolvers<IncomingMessage>();
  get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false }, answered.resolve);
  const stream = new SidecarStream(await served.promise, { namespace: 'agents', pod: 'reporter', uid: 'u1', serviceAccount: 'default' });
  stream.ping();
  return { stream, reader: await answered.promise };
};

it('cuts the stream of a pod whose new bundle cannot be made: the old one may be what it is to lose', async () => {
  const { stream, reader } = await open();
  const pods = knowing(pod);
  const others = knowing<never>(undefined).informer;
  const world: World = { pods: pods.informer, namespaces: others, connections: others, policies: others };
  const streams = new Streams();
  streams.add(stream);
  const made: MadeBundle = { type: 'Bundle', revision: 'r1', line: '{"type":"bundle","revision":"r1"}\n', policies: new Map() };
  const faults: Error[] = [];
  const maker = {
    forget: () => undefined,
    make: () => {
      for (const fault of faults) throw fault;
      return made;
    },
  } as unknown as BundleMaker;
  const sent = Promise.withResolvers<number>();
  const fanOut = new FanOut({ world, streams, maker, log: pino({ level: 'silent' }), onSent: sent.resolve });
  ended.push(() => fanOut.stop());

  const cut = new Promise<unknown>((resolve) => reader.once('error', resolve));
  reader.resume();
  pods.change();
  await sent.promise;
  expect(reader.destroyed).toBe(false);
  faults.push(new Error('no bundle'));
  pods.change();
  expect(await cut).toMatchObject({ code: 'ECONNRESET' });
});
