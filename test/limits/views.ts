/**
 * What a limit looks like from three sides: the client's is in the tests, the server's and the metrics' are here.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, ROLE, type Shop } from '../clients/shop.ts';
import { RawClient, type RawFrame, responseFields } from '../support/raw-client.ts';

/** Another agent of the shop, whom the first one must not disturb. */
export const NEIGHBOUR = { name: 'bob', password: "bob's password" } as const;

const POLICY = `
apiVersion: pg-airlock.dev/v1alpha1
kind: DatabaseAccessPolicy
metadata: { name: neighbour }
spec:
  connectionRef: { name: shop }
  subjects:
    - agent: { name: ${NEIGHBOUR.name}, passwordSecretRef: { name: bob } }
  relations:
    - name: public.customers
      select: { columns: [id, name] }
---
apiVersion: v1
kind: Secret
metadata: { name: bob }
stringData: { password: ${JSON.stringify(NEIGHBOUR.password)} }
`;

/** Lets the neighbour in. */
export const addNeighbour = async (shop: Shop): Promise<void> => {
  const inForce = (): number => shop.proxy.log().filter(({ msg }) => msg === 'policy in force').length;
  const before = inForce();
  await writeFile(join(shop.manifests, 'neighbour.yaml'), POLICY);
  await eventually(() => inForce() > before);
};

/** A connection on which nothing has been sent. */
export const knock = async (shop: Shop): Promise<RawClient> => {
  const socket = connect({ port: shop.proxy.port, host: shop.proxy.host, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return new RawClient(socket);
};

/** Logs in; what was told is in the client's frames. */
export const enter = async (shop: Shop, agent: { readonly name: string; readonly password: string }): Promise<RawClient> => {
  const client = await knock(shop);
  await client.login({ user: agent.name, database: 'shop', password: agent.password });
  return client;
};

export type Told = Readonly<Record<'severity' | 'code' | 'message' | 'detail' | 'hint', string | undefined>>;

/** The client's view: what the last error among the frames says. */
export const told = (frames: readonly RawFrame[]): Told | undefined => {
  const last = frames.findLast(({ type }) => type === 'E');
  if (last === undefined) return undefined;
  const { S, C, M, D, H } = responseFields(last);
  return { severity: S, code: C, message: M, detail: D, hint: H };
};

/** The server's view: sessions of agents by state, the proxy's own not among them. */
export const serverSessions = async (shop: Shop): Promise<readonly string[]> => {
  const rows = await shop.postgres.sql(
    `SELECT state FROM pg_stat_activity WHERE usename = '${ROLE.name}' AND application_name <> 'pg-airlock catalog' ORDER BY state`,
  );
  return rows.map(({ state }) => String(state));
};

/** Waits until the server has these, and no other. */
export const serverHas = (shop: Shop, ...states: readonly string[]): Promise<void> =>
  eventually(async () => JSON.stringify(await serverSessions(shop)) === JSON.stringify(states));

/** The metrics' view: one sample of /metrics. */
export const sample = async (shop: Shop, name: string): Promise<number> => {
  const { body } = await shop.probe('/metrics');
  const line = body.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
};

/** How often a limit refused or ended something. */
export const limitCount = (shop: Shop, limit: string): Promise<number> => sample(shop, `pg_airlock_limits_total{limit="${limit}"}`);
