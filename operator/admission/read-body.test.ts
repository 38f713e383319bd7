import { once } from 'node:events';
import { type ClientRequest, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Body, bodyReader } from './read-body.ts';

describe('bodyReader()', () => {
  const read = bodyReader(1000, 1500);
  const server = createServer();
  const bodies: Body['type'][] = [];

  beforeAll(async () => {
    server.on('request', (incoming, response) => {
      void read(incoming).then((body) => {
        bodies.push(body.type);
        response.end(body.type);
      });
    });
    server.listen(0, '0.0.0.0');
    await once(server, 'listening');
  });
  afterAll(() => server.close());

  const begin = async (bytes: number, localAddress = '127.0.0.1'): Promise<ClientRequest> => {
    const { port } = server.address() as AddressInfo;
    const call = request({ host: '127.0.0.1', port, method: 'POST', agent: false, localAddress });
    call.on('error', () => undefined);
    await new Promise((resolve) => call.write(Buffer.alloc(bytes), resolve));
    return call;
  };
  const answer = async (call: ClientRequest): Promise<string> => {
    const answered = once(call, 'response');
    call.end();
    const [response] = (await answered) as [AsyncIterable<Buffer>];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };

  it('reads what is within the limits, and gives back what it held', async () => {
    for (let count = 0; count < 5; count += 1) expect(await answer(await begin(900))).toBe('Body');
  });

  it('refuses one that is too large', async () => {
    expect(await answer(await begin(1001))).toBe('TooLarge');
  });

  it('refuses what would be too much together, until others are through or gone', async () => {
    const first = await begin(900);
    await expect.poll(async () => answer(await begin(900))).toBe('Busy');
    first.destroy();
    await expect.poll(() => bodies.includes('Aborted')).toBe(true);
    expect(await answer(await begin(900))).toBe('Body');
  });

  it('lets nobody wait because another holds more than his share', async () => {
    const hoarder = [await begin(900), await begin(550)];
    const other = await begin(400, '127.0.0.2');
    expect(await answer(other)).toBe('Body');
    const more = await begin(200);
    expect(await answer(more)).toBe('Busy');
    for (const call of hoarder) call.destroy();
  });
});
