import { once } from 'node:events';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTROL_PATHS, type PodIdentity } from '../../kernel/control.ts';
import { issueAuthority, issueServing } from '../certificates/issue.ts';
import type { PodObject } from '../world.ts';
import type { Authenticated } from './authenticate.ts';
import { controlServer } from './control-server.ts';

const IDENTITY: PodIdentity = { namespace: 'agents', pod: 'reporter', uid: 'u1', serviceAccount: 'default' };
const POD: PodObject = { metadata: { name: 'reporter' }, spec: {} };

const streams: string[] = [];
let ask = (): Promise<Authenticated> => Promise.resolve({ type: 'Pod', identity: IDENTITY, expires: 0 });
let server: ReturnType<typeof controlServer>;
let ca: string;

beforeAll(async () => {
  const authority = await issueAuthority(new Date());
  ca = authority.cert;
  server = controlServer(
    {
      authenticate: () => ask(),
      admit: () => Promise.resolve({ type: 'Agent', pod: POD }),
      onStream: ({ pod }, _expires, response) => {
        streams.push(pod);
        response.end();
      },
      onReport: () => undefined,
      onRefusal: () => undefined,
    },
    await issueServing(authority, ['127.0.0.1'], new Date()),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(() => {
  server.close();
  server.closeAllConnections();
});

const stream = () => {
  const { port } = server.address() as AddressInfo;
  const call = request({ host: '127.0.0.1', port, path: CONTROL_PATHS.bundle, ca, agent: false });
  call.on('error', () => undefined);
  call.end();
  return call;
};

describe('controlServer()', () => {
  it('opens no stream to a sidecar that went away while the API server was asked about it', async () => {
    const asked = Promise.withResolvers<void>();
    const told = Promise.withResolvers<Authenticated>();
    const before = ask;
    ask = () => {
      asked.resolve();
      return told.promise;
    };
    const gone = Promise.withResolvers<void>();
    server.once('request', (_request, response) => response.once('close', gone.resolve));
    const call = stream();
    await asked.promise;
    call.destroy();
    await gone.promise;
    told.resolve(await before());
    ask = before;
    const [answer] = (await once(stream(), 'response')) as [{ readonly statusCode: number }];
    expect([answer.statusCode, streams]).toEqual([200, ['reporter']]);
  });
});
