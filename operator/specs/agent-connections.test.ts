import { describe, expect, it } from 'vitest';
import { agentConnections } from './agent-connections.ts';
import { managedSecretName } from './managed-names.ts';

describe('agentConnections()', () => {
  it('gives each connection a port of its own, in order', () => {
    expect(agentConnections('shop, data/warehouse,other/shop:6000', 'agents')).toEqual({
      ok: true,
      connections: [
        { namespace: 'agents', name: 'shop', port: 5432 },
        { namespace: 'data', name: 'warehouse', port: 5433 },
        { namespace: 'other', name: 'shop', port: 6000 },
      ],
    });
  });

  it.each([
    [undefined, 'is missing. Name the DatabaseConnection that the agent uses, as "shop" or "data/shop"'],
    [' ', 'is missing. Name the DatabaseConnection that the agent uses, as "shop" or "data/shop"'],
    ['shop,', '"" is not "name", "namespace/name" or one of them with ":port"'],
    ['Shop', '"Shop" is not "name", "namespace/name" or one of them with ":port"'],
    ['a/b/c', '"a/b/c" is not "name", "namespace/name" or one of them with ":port"'],
    ['a.b/c', '"a.b/c" is not "name", "namespace/name" or one of them with ":port"'],
    ['shop:9632', 'port 9632 cannot be used: take one from 1024 to 65535 that is not 9632'],
    ['shop:80', 'port 80 cannot be used: take one from 1024 to 65535 that is not 9632'],
    ['shop:5433,crm', 'shop and crm would both be at port 5433: give one of them another, as "crm:5434"'],
    ['shop,agents/shop', '"agents/shop" stands there twice'],
    [Array.from({ length: 17 }, (_, index) => `c${index}`).join(), 'names 17 connections, and 16 is the limit'],
  ])('refuses %j', (annotation, problem) => {
    expect(agentConnections(annotation, 'agents')).toEqual({ ok: false, problem: `annotation pg-airlock.dev/connection: ${problem}` });
  });
});

describe('managedSecretName()', () => {
  it('tells connections apart, however long their names are', () => {
    expect(managedSecretName({ namespace: 'data', name: 'shop.v2' })).toBe('pg-airlock-data.shop.v2');
    const long = `${'a'.repeat(252)}b`;
    const names = [long, `${'a'.repeat(252)}c`].map((name) => managedSecretName({ namespace: 'n', name }));
    expect(new Set(names).size).toBe(2);
    // Nor can a connection be named so that its Secret is that of one with a long name.
    expect(managedSecretName({ namespace: 'n', name: names[0]?.slice('pg-airlock-n.'.length) ?? '' })).not.toBe(names[0]);
    const dashed = managedSecretName({ namespace: 'n', name: `${'a'.repeat(190)}.${'b'.repeat(27)}${'-'.repeat(30)}c` });
    expect([dashed.length, managedSecretName({ namespace: 'n', name: dashed.slice('pg-airlock-n.'.length) })]).not.toContain(dashed);
    expect(dashed).toHaveLength(253);
    for (const name of names) expect(name).toMatch(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])$/);
  });
});
