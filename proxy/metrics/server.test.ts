import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type MetricsServer, type MetricsServerOptions, startMetricsServer } from './server.ts';

const servers: MetricsServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const start = async (options: Partial<MetricsServerOptions> = {}): Promise<string> => {
  const server = await startMetricsServer({
    host: '127.0.0.1',
    port: 0,
    render: async () => 'metric 1\n',
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    startup: () => [{ name: 'bundle', ready: false, detail: 'not received' }],
    readiness: () => [{ name: 'audit', ready: true, detail: '' }],
    ...options,
  });
  servers.push(server);
  return `http://127.0.0.1:${server.address.port}`;
};

const ask = async (url: string, method = 'GET'): Promise<readonly [number, string | null, string]> => {
  const response = await fetch(url, { method });
  return [response.status, response.headers.get('content-type'), await response.text()];
};

const TEXT = 'text/plain; charset=utf-8';

describe('startMetricsServer()', () => {
  it('serves the metrics, and says that the process lives', async () => {
    const url = await start();
    expect(await ask(`${url}/metrics`)).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8', 'metric 1\n']);
    expect(await ask(`${url}/metrics?name=x`)).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8', 'metric 1\n']);
    expect(await ask(`${url}/healthz`)).toEqual([200, TEXT, 'ok\n']);
    expect(await ask(`${url}/healthz`, 'HEAD')).toEqual([200, TEXT, '']);
  });

  it('is ready when every check is, and otherwise says which is not', async () => {
    const checks = [
      { name: 'manifests', ready: true, detail: '' },
      { name: 'audit', ready: false, detail: 'no space' },
    ];
    const url = await start({ readiness: () => checks });
    expect(await ask(`${url}/readyz`)).toEqual([503, TEXT, 'ready: manifests\nnot ready: audit: no space\n']);
    checks[1] = { name: 'audit', ready: true, detail: '' };
    expect(await ask(`${url}/readyz`)).toEqual([200, TEXT, 'ready: manifests\nready: audit\n']);
  });

  it('says whether it has started', async () => {
    expect(await ask(`${await start()}/startupz`)).toEqual([503, TEXT, 'not ready: bundle: not received\n']);
  });

  it('keeps connections for others when a neighbour takes all that it can', async () => {
    const url = await start();
    const port = Number(new URL(url).port);
    const sockets = Array.from({ length: 100 }, () => connect({ port, host: '127.0.0.1' }));
    const closed = await Promise.all(
      sockets.map(
        (socket) =>
          new Promise<boolean>((resolve) => {
            socket.on('error', () => undefined);
            socket.once('close', () => resolve(true));
            socket.once('connect', () => setTimeout(() => resolve(false), 500));
          }),
      ),
    );
    expect(closed.filter((gone) => !gone)).toHaveLength(16);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => ask(`${url}/healthz`).catch(() => undefined)).toEqual([200, TEXT, 'ok\n']);
  });

  it('answers nothing else', async () => {
    const url = await start();
    expect(await ask(`${url}/`)).toEqual([404, TEXT, 'Here are /metrics, /healthz, /startupz and /readyz.\n']);
    expect(await ask(`${url}/metrics/../etc/passwd`)).toEqual([404, TEXT, 'Here are /metrics, /healthz, /startupz and /readyz.\n']);
    expect(await ask(`${url}/metrics`, 'POST')).toEqual([405, TEXT, 'Only GET and HEAD.\n']);
  });

  it('says no more than that it failed when a check throws', async () => {
    const url = await start({ readiness: () => Promise.reject(new Error('secret')), render: () => Promise.reject(new Error('secret')) });
    expect(await ask(`${url}/readyz`)).toEqual([500, TEXT, 'Could not answer; the log may tell why.\n']);
    expect(await ask(`${url}/metrics`)).toEqual([500, TEXT, 'Could not answer; the log may tell why.\n']);
  });

  it('survives a client that is no HTTP client', async () => {
    const url = await start();
    await new Promise<void>((resolve) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])));
      socket
        .on('close', () => resolve())
        .on('error', () => undefined)
        .resume();
    });
    expect(await ask(`${url}/healthz`)).toEqual([200, TEXT, 'ok\n']);
  });

  it('rejects where the port is taken', async () => {
    const url = await start();
    await expect(start({ port: Number(new URL(url).port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
