import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { readSocket } from './read-socket.ts';

const opened: { destroy: () => unknown }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.destroy();
});

/** Both ends of a connection. */
const pair = async (): Promise<readonly [Socket, Socket]> => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  server.close();
  opened.push(client, accepted);
  return [client, accepted];
};

describe('readSocket()', () => {
  it('reads an accepted socket into a buffer of its own, without events', async () => {
    const [client, accepted] = await pair();
    const chunks: Buffer[] = [];
    const events: unknown[] = [];
    readSocket(accepted, (bytes) => chunks.push(bytes));
    accepted.on('data', (chunk) => events.push(chunk));
    accepted.resume();
    client.write('one');
    await expect.poll(() => chunks.map(String)).toEqual(['one']);
    client.write('two');
    await expect.poll(() => chunks.map(String)).toEqual(['one', 'two']);
    expect(events).toEqual([]);
  });

  it('brings every byte in order, through pauses, and then the end', async () => {
    const [client, accepted] = await pair();
    const sent = Buffer.from(Uint32Array.from({ length: 500_000 }, (_, index) => index).buffer);
    const chunks: Buffer[] = [];
    readSocket(accepted, (bytes) => {
      chunks.push(bytes);
      accepted.pause();
      setImmediate(() => accepted.resume());
    });
    const ended = once(accepted, 'end');
    accepted.resume();
    client.end(sent);
    await ended;
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
  });

  it('listens to data where there is no such buffer', async () => {
    const chunks: string[] = [];
    const stream = Duplex.from(['a', 'b']) as unknown as Socket;
    readSocket(stream, (bytes) => chunks.push(String(bytes)));
    await once(stream, 'end');
    expect(chunks).toEqual(['a', 'b']);
  });
});
