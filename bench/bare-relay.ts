/**
 * A relay that passes bytes on and reads none of them, as its own process: what Node alone costs. `node bench/bare-relay.ts LISTEN UPSTREAM`
 */
import { connect, createServer } from 'node:net';

const [listen, upstream] = process.argv.slice(2).map(Number);
if (listen === undefined || upstream === undefined) throw new Error('node bench/bare-relay.ts LISTEN UPSTREAM');

createServer({ noDelay: true }, (client) => {
  const server = connect({ port: upstream, host: '127.0.0.1', noDelay: true });
  client.pipe(server).pipe(client);
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
}).listen(listen, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
