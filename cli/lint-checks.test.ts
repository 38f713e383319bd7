import { beforeAll, describe, expect, it } from 'vitest';
import { fieldText } from '../kernel/manifest/field-path.ts';
import { type AccessPolicy, type Limits, type Mask, NO_LIMITS, type RelationGrant } from '../kernel/policy.ts';
import { relationKey } from '../proxy/catalog/catalog.ts';
import { Grammar } from '../proxy/sql/grammar.ts';
import { type Grants, grantsFor } from '../proxy/policy/grants.ts';
import { narrowing, type NarrowingInput } from '../proxy/policy/lineage/narrow.ts';
import { catalogOf, column, grant, NOW, policy, relation } from '../test/support/small-catalog.ts';
import { findings } from './lint-checks.ts';
import type { LintedDatabase } from './lint-finding.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const expression = (sql: string) => {
  try {
    return { tree: grammar.parse(`SELECT (${sql})`)[0]!.node };
  } catch (error) {
    return { problem: (error as Error).message };
  }
};

const secrets = relation('vault', [column('id', 'int4'), column('pin', 'varchar', { length: 6, castTo: 'varchar(6)' }), column('note')]);
const shown = relation('opened', [column('id', 'int4'), column('pin'), column('note')], {
  kind: 'v',
  reaches: [secrets.oid],
  definition: 'SELECT vault.id, vault.pin, vault.note FROM public.vault',
});
const events = relation('events', [
  column('id', 'int4'),
  column('day', 'date'),
  column('at', 'timestamptz'),
  column('local', 'timestamp'),
  column('code', 'int2'),
  column('tenant'),
]);
const relations = [secrets, shown, events];

const database = (rest: Partial<LintedDatabase> = {}): LintedDatabase => ({
  catalog: catalogOf({
    relations: new Map(relations.map((each) => [relationKey(each.schema, each.name), each])),
    relationsByOid: new Map(relations.map((each) => [each.oid, each])),
  }),
  role: { name: 'app', powers: [] },
  complaint: () => undefined,
  narrowing: () => undefined,
  ...rest,
});

const CONNECTION = {
  key: 'shop/main',
  host: 'h',
  port: 5432,
  database: 'shop',
  tls: { mode: 'Disable', ca: undefined },
  username: 'app',
  password: undefined,
  auditDurability: 'Write',
} as const;

const clean = (rest: Partial<AccessPolicy>): AccessPolicy =>
  policy({ relations: [], functions: [], extensions: [], agents: [{ agent: 'reader', password: new Uint8Array([1]) }], ...rest });

type Given = { readonly policies: readonly Partial<AccessPolicy>[]; readonly database?: LintedDatabase | undefined };

const narrowedBy = (input: NarrowingInput): Grants => {
  const steps = narrowing(input);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
};

/** Each finding as `severity check key field: message`. */
const lint = ({ policies, database: known = database() }: Given, connect = true): readonly string[] => {
  const bundle = { revision: 'r', connections: new Map([[CONNECTION.key, CONNECTION]]), policies: policies.map(clean) };
  const grants = grantsFor(bundle, 'reader', CONNECTION.key, NOW);
  const definitions = new Map([[shown.oid, grammar.parse(shown.definition!)[0]!.node]]);
  const narrowed = grants && narrowedBy({ grants, catalog: known.catalog, grammar, definitions });
  const narrowingOf = ({ schema, name }: RelationGrant) => narrowed?.relations.get(relationKey(schema, name))?.narrowing;
  return findings({
    bundle,
    now: NOW,
    databases: new Map(connect ? [['shop/main', { ...known, narrowing: narrowingOf }]] : []),
    expression,
  }).map(({ severity, check, key, path, message }) => `${severity} ${check} ${key} ${fieldText(path)}: ${message}`);
};

const select = (columns: '*' | readonly string[], masks: Readonly<Record<string, Mask>> = {}) => ({
  select: { columns, masks: Object.entries(masks).map(([name, mask]) => ({ column: name, mask })) },
});

const granting = (...grants: readonly RelationGrant[]): Given => ({ policies: [{ relations: grants }] });
const RELATION = 'shop/readers spec.relations[0]';
const keep = (characters: number): Mask => ({ type: 'KeepLast', characters });

describe('findings()', () => {
  it.each<[string, Given, readonly string[]]>([
    ['nothing in a policy that lists what it grants', granting(grant('events', { ...select(['id']), where: "tenant = 'a'" })), []],
    [
      'a relation that does not exist',
      granting(grant('evnets', select(['id']))),
      [`Error unknown-relation ${RELATION}.name: relation "public.evnets" does not exist in database "shop"`],
    ],
    [
      'columns that do not exist, wherever they are named',
      granting(grant('events', { ...select(['id', 'dya'], { tennant: { type: 'Null' } }), update: { columns: ['x'] } })),
      [
        `Error unknown-column ${RELATION}.select.columns[1]: column "dya" does not exist in public.events`,
        `Error unknown-column ${RELATION}.update.columns[0]: column "x" does not exist in public.events`,
        `Error unknown-column ${RELATION}.select.masks[0].column: column "tennant" does not exist in public.events`,
      ],
    ],
    [
      'a mask that the database cannot evaluate, at its mask',
      {
        ...granting(grant('events', select(['id'], { day: { type: 'Email' } }))),
        database: database({ complaint: () => 'mask Email cannot serve column "day"' }),
      },
      [
        `Error unusable-grant ${RELATION}.select.masks[0].mask: the grant of public.events cannot be applied: mask Email cannot serve column "day"`,
      ],
    ],
    [
      'a relation that two policies grant to one agent',
      { policies: [{ relations: [grant('events', select(['id']))] }, { key: 'shop/more', relations: [grant('events', select(['id']))] }] },
      [
        'Error granted-twice shop/more spec.relations[0].name: public.events is granted to reader by shop/readers too, so that neither grant counts',
      ],
    ],
    [
      'nothing where the second policy begins when the first ends',
      {
        policies: [
          { relations: [grant('events', select(['id']))], notAfter: new Date(NOW + 1) },
          { key: 'shop/more', relations: [grant('events', select(['id']))], notBefore: new Date(NOW + 1) },
        ],
      },
      [],
    ],
    [
      'nothing where two policies grant a relation to different agents',
      {
        policies: [
          { relations: [grant('events', select(['id']))] },
          { key: 'shop/more', relations: [grant('events', select(['id']))], agents: [{ agent: 'other', password: new Uint8Array([2]) }] },
        ],
      },
      [],
    ],
    [
      'a view that shows what is masked',
      granting(grant('vault', select(['id'], { note: { type: 'Redact' } })), grant('opened', select(['id', 'note']))),
      [
        'Warning shown-elsewhere shop/readers spec.relations[1].select: public.opened shows what another grant hides: note is masked like public.vault.note',
      ],
    ],
    [
      'a view that shows what is filtered, granted whole',
      granting(grant('vault', { ...select(['id']), where: 'id = 1' }), grant('opened')),
      [
        'Warning shown-elsewhere shop/readers spec.relations[1].select: public.opened shows what another grant hides: pin is hidden like public.vault.pin, note is hidden like public.vault.note, its rows are filtered likewise',
        'Warning every-column shop/readers spec.relations[1].select.columns: a column that is added to public.opened later is shown at once',
      ],
    ],
    [
      'a star, next to masks and for writing',
      granting(grant('events', { ...select('*', { tenant: { type: 'Redact' } }), insert: { columns: '*' } })),
      [
        `Warning every-column ${RELATION}.select.columns: a column that is added to public.events later is shown as it is next to the masks at once`,
        `Warning every-column ${RELATION}.insert.columns: a column that is added to public.events later is writable at once`,
      ],
    ],
    [
      'masks that hide too little, or everything',
      granting(
        grant('vault', select([], { pin: keep(2) })),
        grant('events', select([], { code: keep(3), day: { type: 'Date', precision: 'Day' } })),
      ),
      [
        `Warning revealing-mask ${RELATION}.select.masks[0].mask: mask KeepLast with 2 characters hides at most 4 of column "pin" of public.vault (varchar(6))`,
        'Warning revealing-mask shop/readers spec.relations[1].select.masks[0].mask: mask KeepLast with 3 characters shows nothing of column "code" of public.events (int2), whose values are too short for it',
        'Warning revealing-mask shop/readers spec.relations[1].select.masks[1].mask: mask Date with precision Day shows column "day" of public.events (date) as it is',
      ],
    ],
    ['nothing about a mask that hides enough', granting(grant('vault', select([], { pin: keep(1), note: keep(4) }))), []],
    [
      'a row filter on a column that the agent may write',
      granting(grant('events', { ...select(['id']), where: "tenant = 'a' AND id > 0", update: { columns: ['code', 'tenant'] } })),
      [`Warning writable-filter ${RELATION}.update.columns: the agent may update tenant of public.events, which its row filter looks at`],
    ],
    [
      'functions and extensions',
      {
        policies: [
          {
            functions: ['pg_sleep', 'query_to_xml', 'lower', 'pg_slep'].map((name) => ({ schema: 'pg_catalog', name })),
            extensions: ['pg_tgrm'],
          },
        ],
      },
      [
        'Warning powerful-function shop/readers spec.functions[0].name: function pg_catalog.pg_sleep is granted, and with it more than its result (class effect)',
        'Warning powerful-function shop/readers spec.functions[1].name: function pg_catalog.query_to_xml is granted, and with it more than its result (class reads)',
        'Warning needless-function shop/readers spec.functions[2].name: function pg_catalog.lower is allowed without being granted',
        'Error unknown-function shop/readers spec.functions[3].name: function pg_catalog.pg_slep does not exist in database "shop"',
        'Error unreviewed-extension shop/readers spec.extensions[0]: extension "pg_tgrm" is not one of those that were reviewed, and is not allowed by naming it',
      ],
    ],
    [
      'a policy at its end',
      { policies: [{ notAfter: new Date(NOW) }] },
      [
        'Warning ended-policy shop/readers spec.validity.notAfter: the policy ended at 2026-01-01T00:00:00.000Z, and grants nothing any more',
      ],
    ],
    [
      'an agent without a password, once',
      {
        policies: [
          { agents: [{ agent: 'reader', password: undefined }] },
          { key: 'shop/more', agents: [{ agent: 'reader', password: undefined }] },
        ],
      },
      ['Warning agent-without-password shop/readers spec.subjects: agent "reader" has no password in any policy, and cannot log in'],
    ],
    [
      'nothing about an agent whose password another policy names',
      { policies: [{ agents: [{ agent: 'reader', password: undefined }] }, { key: 'shop/more' }] },
      [],
    ],
    [
      'a role with too much power',
      { policies: [], database: database({ role: { name: 'root', powers: ['SUPERUSER'] } }) },
      ['Warning powerful-role shop/main spec.credentials: database role "root" has SUPERUSER'],
    ],
  ])('finds %s', (_, given, expected) => {
    expect(lint(given)).toEqual(expected);
  });

  it.each([
    ["day < '01/02/2026'", "DateStyle says which part of '01/02/2026' is the day"],
    ["day IN ('2026-01-01', '1.2.2026')", "DateStyle says which part of '1.2.2026' is the day"],
    ["day > '1-2-2026'::date", "DateStyle says which part of '1-2-2026' is the day"],
    ["day = 'today'", "TimeZone says what 'today' is"],
    ["at > '2026-01-01'", "TimeZone says which moment '2026-01-01' is"],
    ["at BETWEEN '2026-01-01 00:00Z' AND '2026-02-01 00:00'", "TimeZone says which moment '2026-02-01 00:00' is"],
    ["at::date = '2026-01-01'", 'TimeZone says which date "at" falls on'],
    ["date_trunc('day', at) > '2026-01-01 00:00+00'", 'TimeZone says what date_trunc makes of "at"'],
    ['day = current_date', 'TimeZone says what current_date is'],
    ["local > now() - interval '1 day'", 'TimeZone says which timestamp it is now, for "local"'],
    ["day::text LIKE '2026%'", 'DateStyle says how "day" is written'],
  ])('finds that a row filter depends on settings: %s', (where, reason) => {
    expect(lint(granting(grant('events', { ...select(['id']), where })))).toEqual([
      `Warning setting-dependence ${RELATION}.where: the row filter of public.events depends on what the agent's session is set to: ${reason}`,
    ]);
  });

  it.each([
    ["day >= '2026-01-01'"],
    ["at >= '2026-01-01 00:00:00+00'"],
    ["at > now() - interval '1 day'"],
    ["(at AT TIME ZONE 'UTC')::date = '2026-01-01'"],
    ["date_trunc('day', at, 'UTC') = '2026-01-01 00:00Z'"],
    ["tenant = '01/02/2026'"],
    ["tenant = 'today'"],
  ])('finds nothing in a row filter that does not: %s', (where) => {
    expect(lint(granting(grant('events', { ...select(['id']), where })))).toEqual([]);
  });

  it('looks into Expression masks as well', () => {
    const mask: Mask = { type: 'Expression', expression: 'at::date::text' };
    expect(lint(granting(grant('events', select(['id'], { tenant: mask }))))).toEqual([
      `Warning setting-dependence ${RELATION}.select.masks[0].mask: the mask of column "tenant" of public.events depends on what the agent's session is set to: TimeZone says which date "at" falls on`,
    ]);
  });

  it('finds without a database what needs none', () => {
    const where = "day < '01/02/2026' AND";
    expect(
      lint(
        granting(grant('evnets', { ...select('*'), where }), grant('events', { ...select(['id']), where: "day < '01/02/2026'" })),
        false,
      ),
    ).toEqual([
      `Error broken-expression ${RELATION}.where: the row filter of public.evnets cannot be read: syntax error at or near ")"`,
      `Warning every-column ${RELATION}.select.columns: a column that is added to public.evnets later is shown at once`,
      `Warning setting-dependence shop/readers spec.relations[1].where: the row filter of public.events depends on what the agent's session is set to: DateStyle says which part of '01/02/2026' is the day`,
    ]);
  });

  it('says in each remedy what to do, with the nearest name', () => {
    const all = findings({
      bundle: {
        revision: 'r',
        connections: new Map(),
        policies: [clean({ relations: [grant('evnets', select(['id'])), grant('events', select(['dya']))] })],
      },
      now: NOW,
      databases: new Map([['shop/main', database()]]),
      expression,
    });
    expect(all.map(({ remedy }) => remedy)).toEqual(['Did you mean "public.events"?', 'Did you mean "day"?']);
  });
});

describe('limits', () => {
  const limits = (given: Partial<Limits>) => lint({ policies: [{ limits: { ...NO_LIMITS, ...given } }] });

  it('are told where another one ends the session before', () => {
    expect(limits({ statementTimeout: 60_000, transactionTimeout: 30_000, idleTimeout: 600_000, sessionDuration: 600_000 })).toEqual([
      'Warning pointless-limit shop/readers spec.limits.statementTimeout: statementTimeout (60s) is not less than transactionTimeout (30s), and has no effect: a statement is part of a transaction, which ends with the session',
      'Warning pointless-limit shop/readers spec.limits.idleTimeout: idleTimeout (600s) is not less than sessionDuration (600s), and has no effect: the session ends first',
    ]);
    expect(limits({ statementTimeout: 30_000, transactionTimeout: 60_000, idleTimeout: 60_000, sessionDuration: 600_000 })).toEqual([]);
  });

  it('are told where drivers could not work', () => {
    expect(limits({ memoryPerSession: 4096 })).toEqual([
      'Warning cramped-session shop/readers spec.limits.memoryPerSession: memoryPerSession (4096 bytes) is less than what drivers keep prepared by themselves',
    ]);
  });
});
