/**
 * Sessions through the airlock, byte by byte, and what the database knows of them.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { AGENT, eventually, ROLE, type Shop } from '../clients/shop.ts';
import { RawClient, type RawFrame, responseFields, rowValues, send } from '../support/raw-client.ts';

export type Session = { readonly client: RawClient; readonly socket: Socket; readonly started: readonly RawFrame[] };

const opened: Socket[] = [];

/** Closes every session of this test, and waits until the database knows of none. */
export const closeSessions = async (shop: Shop): Promise<void> => {
  for (const socket of opened.splice(0)) socket.destroy();
  await eventually(async () => (await agentSessions(shop)) === 0);
};

/** Logs in as the agent; what came of it is in `started`. */
export const startSession = async (shop: Shop, password: string = AGENT.password, user: string = AGENT.name): Promise<Session> => {
  const socket = connect({ port: shop.proxy.port, host: shop.proxy.host, noDelay: true });
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  opened.push(socket);
  const client = new RawClient(socket);
  return { client, socket, started: await client.login({ user, database: 'shop', password }) };
};

/** A session that has started; throws where it was refused. */
export const openSession = async (shop: Shop): Promise<Session> => {
  const session = await startSession(shop);
  const told = errorOf(session.started);
  if (told !== undefined) throw new Error(`no session: ${JSON.stringify(told)}`);
  return session;
};

/** What the last error among them says. */
export const errorOf = (
  frames: readonly RawFrame[],
): { severity: string | undefined; code: string | undefined; message: string | undefined } | undefined => {
  const last = frames.findLast(({ type }) => type === 'E');
  if (last === undefined) return undefined;
  const { S, C, M } = responseFields(last);
  return { severity: S, code: C, message: M };
};

/** The first value of each row. */
export const valuesOf = (frames: readonly RawFrame[]): (string | undefined)[] =>
  frames.filter(({ type }) => type === 'D').map((frame) => rowValues(frame)[0]?.toString());

/** Waits until the session is over, and tells with which error. */
export const endOf = async ({ client }: Session): Promise<ReturnType<typeof errorOf>> => {
  await client.waitClosed(20_000);
  return errorOf(client.frames);
};

/** What an agent's session ends with when the airlock ends it. */
export const REVOKED = { severity: 'FATAL', code: '57P01', message: 'terminating connection because access was revoked' };
export const SHUT_DOWN = { severity: 'FATAL', code: '57P01', message: 'terminating connection because pg-airlock is shutting down' };

/** Starts a statement that lasts, and waits until the database runs it. */
export const keepBusy = async (shop: Shop, { client }: Session, marker: string): Promise<void> => {
  client.write(send.query(`SELECT pg_sleep(600), '${marker}'`));
  await eventually(() => isRunning(shop, marker));
};

export const isRunning = async (shop: Shop, marker: string): Promise<boolean> => {
  const text = `SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%''${marker}''%' AND pid <> pg_backend_pid()`;
  return (await shop.postgres.sql(text)).length > 0;
};

/** Sessions that the database has for agents: all of the role's but the one that reads the catalog. */
export const agentSessions = async (shop: Shop): Promise<number> => {
  const text = `SELECT FROM pg_stat_activity WHERE usename = '${ROLE.name}' AND application_name <> 'pg-airlock catalog'`;
  return (await shop.postgres.sql(text)).length;
};
