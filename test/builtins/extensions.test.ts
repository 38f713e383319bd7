import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { READY_EXTENSIONS, readyExtension } from '../../proxy/catalog/builtin/extensions.ts';
import { POSTGRES_VERSIONS } from '../support/postgres-binaries.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

// Not among PostgreSQL's own: their names stand by the extensions' documentation and sources.
const ELSEWHERE = ['postgis', 'vector'];

// They reach data, files, memory, other databases or the network, or are languages and triggers: nothing that a statement should call.
const NOT_READY = `
  adminpack amcheck autoinc bool_plperl bool_plperlu dblink file_fdw hstore_plperl hstore_plperlu hstore_plpython2u hstore_plpython3u
  hstore_plpythonu insert_username jsonb_plperl jsonb_plperlu jsonb_plpython2u jsonb_plpython3u jsonb_plpythonu lo ltree_plpython2u
  ltree_plpython3u ltree_plpythonu moddatetime old_snapshot pageinspect pg_buffercache pg_freespacemap pg_logicalinspect pg_prewarm
  pg_stat_statements pg_surgery pg_visibility pg_walinspect pgrowlocks pgstattuple plperl plperlu plpgsql plpython3u pltcl pltclu
  postgres_fdw refint sslinfo tcn
`;

const servers: TestPostgres[] = [];
const available = READY_EXTENSIONS.filter((name) => !ELSEWHERE.includes(name));

const functionsOf = async (extension: string): Promise<readonly { readonly name: string; readonly immutable: boolean }[]> => {
  const rows: { name: string; immutable: boolean }[] = [];
  for (const server of servers) {
    const text = `
      SELECT proname AS name, bool_and(provolatile = 'i') AS immutable FROM pg_proc p
      JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
      WHERE extname = '${extension}' AND NOT 'internal'::regtype = ANY (proargtypes) GROUP BY proname`;
    rows.push(...((await server.sql(text)) as { name: string; immutable: boolean }[]));
  }
  return rows;
};

beforeAll(async () => {
  for (const version of POSTGRES_VERSIONS) {
    const server = await startPostgres({ version });
    servers.push(server);
    await server.sql(available.map((name) => `CREATE EXTENSION IF NOT EXISTS "${name}" CASCADE`).join(';'));
  }
}, 300_000);

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

describe('readyExtension()', () => {
  it.each(available)('refuses only functions that %s has', async (extension) => {
    const names = new Set((await functionsOf(extension)).map(({ name }) => name));
    expect(readyExtension(extension)?.refused.filter((name) => !names.has(name))).toEqual([]);
  });

  it('has an answer for every extension that comes with PostgreSQL', async () => {
    const reviewed = [...READY_EXTENSIONS, ...NOT_READY.trim().split(/\s+/)];
    for (const server of servers) {
      const names = (await server.sql('SELECT name FROM pg_available_extensions')).map(({ name }) => String(name));
      expect(names.filter((name) => reviewed.filter((each) => each === name).length !== 1)).toEqual([]);
    }
  });

  it('leaves no function that is not immutable unreviewed', async () => {
    const loose: string[] = [];
    for (const extension of available) {
      const refused = readyExtension(extension)?.refused ?? [];
      const rest = (await functionsOf(extension)).filter(({ name, immutable }) => !immutable && !refused.includes(name));
      loose.push(...rest.map(({ name }) => `${extension}: ${name}`));
    }
    expect([...new Set(loose)].sort()).toEqual([
      'citext: citextsend',
      'pg_trgm: show_limit',
      'pg_trgm: similarity_op',
      'pg_trgm: strict_word_similarity_commutator_op',
      'pg_trgm: strict_word_similarity_op',
      'pg_trgm: word_similarity_commutator_op',
      'pg_trgm: word_similarity_op',
      'pgcrypto: fips_mode',
      'pgcrypto: gen_random_bytes',
      'pgcrypto: gen_random_uuid',
      'pgcrypto: gen_salt',
      'pgcrypto: pgp_pub_encrypt',
      'pgcrypto: pgp_pub_encrypt_bytea',
      'pgcrypto: pgp_sym_encrypt',
      'pgcrypto: pgp_sym_encrypt_bytea',
      'tablefunc: normal_rand',
      'unaccent: unaccent',
      'uuid-ossp: uuid_generate_v1',
      'uuid-ossp: uuid_generate_v1mc',
      'uuid-ossp: uuid_generate_v4',
      'xml2: xml_valid',
    ]);
  });

  it.each([
    'dblink',
    'postgres_fdw',
    'file_fdw',
    'adminpack',
    'pageinspect',
    'pgstattuple',
    'pg_stat_statements',
    'lo',
    'plpython3u',
    'none',
  ])('does not know %s', (name) => {
    expect(readyExtension(name)).toBeUndefined();
  });
});
