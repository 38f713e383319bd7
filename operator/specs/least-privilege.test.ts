import { describe, expect, it } from 'vitest';
import { leastPrivilege, type RoleFacts } from './least-privilege.ts';

const ORDINARY: RoleFacts = {
  role: 'shop_app',
  attributes: [],
  memberships: [],
  ownsDatabase: undefined,
  ownedSchemas: [],
  ownedRelations: [],
  ownedRelationsCount: 0,
};

describe('leastPrivilege()', () => {
  it('is content with a role that has grants alone', () => {
    expect(leastPrivilege(ORDINARY)).toEqual({
      type: 'LeastPrivilege',
      status: 'True',
      reason: 'NothingBeyondGrants',
      message: 'The role shop_app has no attribute, membership or ownership beyond what is granted to it.',
    });
  });

  it.each<[Partial<RoleFacts>, string, string]>([
    [
      // Whatever else a superuser has says nothing.
      {
        attributes: ['SUPERUSER', 'BYPASSRLS'],
        memberships: [{ role: 'pg_monitor', attributes: [], through: ['pg_monitor'] }],
        ownsDatabase: 'shop',
      },
      'Superuser',
      'The role shop_app is a superuser, whom no privilege binds; it bypasses row-level security. Take it away as a superuser: ALTER ROLE "shop_app" NOSUPERUSER; ALTER ROLE "shop_app" NOBYPASSRLS;',
    ],
    [
      { attributes: ['CREATEROLE', 'CREATEDB', 'REPLICATION'] },
      'CreateRole',
      'The role shop_app may create and alter roles; it may create databases; it may read everything by replication. Take it away as a superuser: ALTER ROLE "shop_app" NOCREATEROLE; ALTER ROLE "shop_app" NOCREATEDB; ALTER ROLE "shop_app" NOREPLICATION;',
    ],
    [
      {
        memberships: [
          { role: 'pg_read_server_files', attributes: [], through: ['pg_read_server_files'] },
          { role: 'Admins', attributes: ['SUPERUSER', 'CREATEDB'], through: ['team'] },
        ],
      },
      'PowerfulMembership',
      'The role shop_app may read files of the server (member of pg_read_server_files); it can become a role that is a superuser, whom no privilege binds and may create databases (member of "Admins" through team). Take it away as a superuser: REVOKE "pg_read_server_files" FROM "shop_app"; REVOKE "team" FROM "shop_app";',
    ],
    [
      { ownsDatabase: 'shop', ownedSchemas: ['sales'], ownedRelations: ['public.orders'], ownedRelationsCount: 1 },
      'DatabaseOwner',
      'The role shop_app owns the database shop; it owns the schema sales; it owns public.orders, and can alter and drop what it owns. Take it away as a superuser: ALTER DATABASE "shop" OWNER TO another_role; ALTER SCHEMA "sales" OWNER TO another_role; ALTER TABLE public.orders OWNER TO another_role; GRANT SELECT ON public.orders TO "shop_app";',
    ],
    [
      { role: 'Shop "App"', ownedRelations: ['a.a', 'a.b', 'a.c', 'a.d'], ownedRelationsCount: 70 },
      'RelationOwner',
      'The role "Shop ""App""" owns 70 relations, such as a.a, a.b, a.c, and can alter and drop what it owns. Take it away as a superuser: REASSIGN OWNED BY "Shop ""App""" TO another_role; and grant "Shop ""App""" what policies need',
    ],
  ])('of %j', (facts, reason, message) => {
    expect(leastPrivilege({ ...ORDINARY, ...facts })).toEqual({ type: 'LeastPrivilege', status: 'False', reason, message });
  });
});
