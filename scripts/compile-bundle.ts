/**
 * Runs the bundle up to its first client, and keeps what V8 compiled until then: `node scripts/compile-bundle.ts folder`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMPILED, loadBundle, runBundle } from '../proxy/launch.ts';
import { setStartFlags } from '../proxy/v8-flags.ts';

const MANIFESTS = join(import.meta.dirname, '../examples/quickstart');
const PATIENCE_MS = 30_000;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** SSLRequest, which the proxy answers with one byte. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

const answered = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(SSL_REQUEST));
    socket.once('error', () => resolve(false));
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
  });

const [, , folder = ''] = process.argv;
const audit = mkdtempSync(join(tmpdir(), 'pg-airlock-build-'));
try {
  const port = await freePort();
  const where = ['--manifests', MANIFESTS, '--listen', `127.0.0.1:${port}`, '--metrics', '127.0.0.1:0', '--audit', audit];
  process.argv.splice(2, Infinity, 'proxy', ...where, '--log-level', 'fatal');
  const script = loadBundle(folder);
  runBundle(script, folder);
  const until = performance.now() + PATIENCE_MS;
  while (!(await answered(port))) {
    if (performance.now() > until) throw new Error('the bundle does not accept connections');
    await sleep(20);
  }
  // What is loaded behind the listener.
  await sleep(500);
  // What was compiled bears the flags of the moment, and is read at the start.
  setStartFlags();
  writeFileSync(join(folder, COMPILED), script.createCachedData());
} finally {
  rmSync(audit, { recursive: true, force: true });
}
// The proxy goes on until a signal: it has served its turn.
process.exit();
