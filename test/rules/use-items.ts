/**
 * A shop whose agent writes items under rules that count: things start here with `startItems`.
 */
import pg from 'pg';
import type { PostgresVersion } from '../support/postgres-binaries.ts';
import { AGENT, ROLE, type Shop, startShop } from '../clients/shop.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';

const SETUP = `
  CREATE TABLE items (id int PRIMARY KEY, label text NOT NULL, owner text NOT NULL DEFAULT 'ann');
  INSERT INTO items SELECT i, 'old' FROM generate_series(1, 1000) i;
  CREATE TABLE loads (id int, label text);
  GRANT SELECT, INSERT, UPDATE, DELETE ON items, loads TO ${ROLE.name}`;

const RELATIONS = `
    - name: public.items
      where: owner = 'ann'
      select: { columns: ['*'] }
      insert: { columns: ['*'] }
      update: { columns: [label, owner] }
      delete: {}
    - name: public.loads
      select: { columns: ['*'] }
      insert: { columns: ['*'] }`;

const RULES = `
  rules:
    - name: few-changes
      match: { statements: [Insert, Update, Delete], rowsAffectedOver: 10 }
      action: Deny
    - name: several-changes
      match: { statements: [Insert, Update, Delete], rowsAffectedOver: 5 }
      action: Audit
    - name: few-rows
      match: { rowsReturnedOver: 500 }
      action: Deny
    - name: few-bytes
      match: { bytesReturnedOver: 1M }
      action: RequireApproval
      approval: { approvers: [{ group: dba }], waitFor: 1m, validFor: 1m }
    - name: no-large-plans
      match: { statements: [Select], rowsEstimatedOver: 50000 }
      action: Deny`;

export type Items = {
  readonly shop: Shop;
  /** A client of the agent's. */
  readonly connect: () => Promise<pg.Client>;
  readonly connectRaw: () => Promise<RawClient>;
  /** How many rows bear the label, as the superuser sees them. */
  readonly labelled: (label: string, relation?: 'items' | 'loads') => Promise<number>;
};

export const startItems = async (version: PostgresVersion): Promise<Items> => {
  const manifests = { spec: RULES, relations: RELATIONS };
  const shop = await startShop({ postgres: { version }, manifests, setup: `${SETUP}; ANALYZE` });
  return {
    shop,
    connect: async () => {
      const client = new pg.Client({ connectionString: shop.url });
      client.on('error', () => undefined);
      await client.connect();
      return client;
    },
    connectRaw: async () => {
      const client = await connectRaw(shop.proxy.port);
      await client.login({ user: AGENT.name, database: 'shop', password: AGENT.password });
      return client;
    },
    labelled: async (label, relation = 'items') => {
      const [row] = await shop.postgres.sql(`SELECT count(*)::int AS n FROM ${relation} WHERE label = '${label}'`, 'shop');
      return Number(row?.['n']);
    },
  };
};
