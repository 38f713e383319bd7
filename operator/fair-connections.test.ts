import { once } from 'node:events';
import { createServer, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type ConnectionLimits, shareConnections } from './fair-connections.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

const serve = async (limits: ConnectionLimits) => {
  const server: HttpsServer = createServer();
  const known = shareConnections(server, limits);
  const accepted: Socket[] = [];
  server.on('connection', (socket: Socket) => accepted.push(socket.on('error', () => undefined)));
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  ends.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const open = async (localAddress: string): Promise<Socket> => {
    const before = accepted.length;
    const socket = connect({ host: '127.0.0.1', port, localAddress }).on('error', () => undefined);
    ends.push(() => socket.destroy());
    await once(socket, 'connect');
    await expect.poll(() => accepted.length).toBe(before + 1);
    return socket;
  };
  const closed = async (socket: Socket): Promise<void> => {
    if (!socket.closed) await once(socket.resume(), 'close');
  };
  return { open, closed, known, accepted };
};

describe('shareConnections()', () => {
  it('gives an address no more than its limit, and what it gives back', async () => {
    const { open, closed } = await serve({ ofAnAddress: 2, inAll: 100 });
    const first = await open('127.0.0.1');
    const second = await open('127.0.0.1');
    await closed(await open('127.0.0.1'));
    const other = await open('127.0.0.2');
    first.destroy();
    await closed(first);
    await expect.poll(async () => (await open('127.0.0.1')).destroyed).toBe(false);
    expect([second.destroyed, other.destroyed]).toEqual([false, false]);
  });

  it('takes from who has most what others come for', async () => {
    const { open, closed } = await serve({ ofAnAddress: 10, inAll: 4 });
    const many = [await open('127.0.0.1'), await open('127.0.0.1'), await open('127.0.0.1')];
    const one = await open('127.0.0.2');
    const another = await open('127.0.0.3');
    if (many[0] !== undefined) await closed(many[0]);
    expect([...many.slice(1), one, another].map(({ destroyed }) => destroyed)).toEqual([false, false, false, false]);
  });

  it('does not count those whose owner is known', async () => {
    const { open, closed, known, accepted } = await serve({ ofAnAddress: 1, inAll: 10 });
    const first = await open('127.0.0.1');
    if (accepted[0] !== undefined) known(accepted[0]);
    const second = await open('127.0.0.1');
    await closed(await open('127.0.0.1'));
    expect([first.destroyed, second.destroyed]).toEqual([false, false]);
  });
});
