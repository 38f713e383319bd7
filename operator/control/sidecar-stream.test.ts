import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { MadeBundle } from './bundle-maker.ts';
import { SidecarStream } from './sidecar-stream.ts';

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

const IDENTITY = { namespace: 'agents', pod: 'reporter', uid: 'u1', serviceAccount: 'default' };

const bundle = (revision: string, size = 0): MadeBundle => ({
  type: 'Bundle',
  revision,
  line: `${JSON.stringify({ type: 'bundle', revision, filling: 'x'.repeat(size) })}\n`,
  policies: new Map(),
});

const open = async (): Promise<{ stream: SidecarStream; reader: IncomingMessage; response: ServerResponse }> => {
  const served = Promise.withResolvers<ServerResponse>();
  const server = createServer((_request, response) => served.resolve(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ended.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const answered = Promise.withResolvers<IncomingMessage>();
  get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false }, answered.resolve);
  const response = await served.promise;
  const stream = new SidecarStream(response, IDENTITY);
  return { stream, reader: await answered.promise, response };
};

const revisions = (text: string): unknown[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { type, revision, reason } = JSON.parse(line) as Readonly<Record<string, unknown>>;
      return revision ?? reason ?? type;
    });

describe('SidecarStream', () => {
  it('sends what is new, and nothing twice', async () => {
    const { stream, reader } = await open();
    let text = '';
    reader.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    expect([stream.send(bundle('r1')), stream.send(bundle('r1')), stream.send(bundle('r2'))]).toEqual([true, false, true]);
    stream.ping();
    stream.revoke('It is over.');
    await new Promise((resolve) => reader.once('end', resolve));
    expect(revisions(text)).toEqual(['r1', 'r2', 'ping', 'It is over.']);
    expect([stream.over, stream.send(bundle('r3'))]).toEqual([true, false]);
  });

  it('keeps only the newest bundle for whoever does not read', async () => {
    const { stream, reader, response } = await open();
    reader.pause();
    const size = 1024 * 1024;
    let last = 0;
    while (stream.send(bundle(`r${last + 1}`, size))) last++;
    for (let more = 0; more < 100; more++) {
      stream.send(bundle(`later-${more}`, size));
      stream.ping();
    }
    expect(response.writableLength).toBeLessThan(4 * size);
    let text = '';
    reader.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    reader.resume();
    await expect.poll(() => text.endsWith('\n') && revisions(text).at(-1)).toBe('later-99');
    expect(revisions(text)).toHaveLength(last + 1);
  });
});
