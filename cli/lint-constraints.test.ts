import { beforeAll, describe, expect, it } from 'vitest';
import { fieldText } from '../kernel/manifest/field-path.ts';
import type { RelationGrant } from '../kernel/policy.ts';
import { type CatalogConstraint, relationKey } from '../proxy/catalog/catalog.ts';
import { Grammar } from '../proxy/sql/grammar.ts';
import { catalogOf, column, grant, NOW, policy, relation } from '../test/support/small-catalog.ts';
import { derivedColumns, tellingConstraints } from './lint-constraints.ts';
import type { LintInput } from './lint-finding.ts';

const grammar = new Grammar(18);
beforeAll(() => grammar.load());

const items = relation('items', [
  column('id', 'int4'),
  column('tenant', 'int4'),
  column('email'),
  column('price', 'int4'),
  column('discount', 'int4'),
  column('total', 'int4', { madeOf: ['price', 'discount'] }),
]);
const hidden = relation('vault', [column('id', 'int4')]);

const constraint = (
  type: CatalogConstraint['type'],
  name: string,
  columns: readonly string[],
  rest: Partial<CatalogConstraint> = {},
): CatalogConstraint => ({
  type,
  name,
  columns,
  compared: [],
  expression: undefined,
  other: undefined,
  ...rest,
});

const CONSTRAINTS: readonly CatalogConstraint[] = [
  constraint('Unique', 'items_pkey', ['id']),
  constraint('Unique', 'items_email', ['tenant', 'email']),
  constraint('Check', 'below', ['discount', 'price'], { expression: '(discount <= price)' }),
  constraint('ForeignKey', 'to_vault', ['tenant'], { other: { relation: hidden.oid, columns: ['id'], deletes: false, updates: false } }),
  constraint('Referenced', 'from_vault', ['id'], { other: { relation: hidden.oid, columns: ['id'], deletes: true, updates: false } }),
];

const lint = (given: RelationGrant, constraints = CONSTRAINTS): readonly string[] => {
  const relations = [items, hidden];
  const catalog = catalogOf({
    relations: new Map(relations.map((each) => [relationKey(each.schema, each.name), each])),
    relationsByOid: new Map(relations.map((each) => [each.oid, each])),
    constraints: new Map([[items.oid, constraints]]),
  });
  const only = policy({ relations: [given] });
  const input: LintInput = {
    bundle: { policies: [only], connections: new Map(), revision: '' } as unknown as LintInput['bundle'],
    now: NOW,
    databases: new Map([
      [only.connection, { catalog, role: { name: 'app', powers: [] }, complaint: () => undefined, narrowing: () => undefined }],
    ]),
    expression: (sql) => ({ tree: grammar.parse(`SELECT (${sql})`)[0]!.node }),
  };
  return [...derivedColumns(input), ...tellingConstraints(input)].map(({ path, message }) => `${fieldText(path)}: ${message}`);
};

const EMAIL = { columns: ['id', 'tenant', 'discount', 'total'], masks: [{ column: 'email', mask: { type: 'Redact' } }] } as const;
const ALL = { columns: '*' } as const;

describe('telling constraints', () => {
  it('are also what is computed of hidden columns', () => {
    const worth = constraint('Computed', 'worth', [], { expression: '(discount * price), lower(email)' });
    expect(lint(grant('items', { select: { columns: ['discount'], masks: [] }, update: { columns: ['discount'] } }), [worth])).toEqual([
      'spec.relations[0].update: "worth" is computed of column "discount" of public.items and hidden column "price", so that update of it is refused',
    ]);
  });

  it('are named with the kind of writing that tells, and what it tells', () => {
    expect(lint(grant('items', { select: EMAIL, insert: ALL, update: ALL, delete: true }))).toEqual([
      'spec.relations[0].select: column "total" of public.items is shown as it is, and computed from hidden "price"',
      'spec.relations[0].insert: an agent that may insert public.items can learn whether hidden rows or values have the same "tenant", "email": constraint "items_email"',
      'spec.relations[0].insert: an agent that may insert public.items can learn which rows public.vault has: foreign key "to_vault"',
      'spec.relations[0].update: constraint "below" compares column "discount" of public.items with hidden column "price", so that update of it is refused',
      'spec.relations[0].delete: an agent that may delete public.items can learn whether public.vault refers to a row: foreign key "from_vault"',
    ]);
  });

  it('are those that the columns can meet', () => {
    const narrow = { select: { columns: ['id', 'discount'], masks: [] } };
    expect(lint(grant('items', { ...narrow, update: { columns: ['discount'] }, guessable: ['price'] }))).toEqual([
      'spec.relations[0].update: constraint "below" compares column "discount" of public.items with hidden column "price", whose values can be found by trying',
    ]);
    expect(lint(grant('items', narrow))).toEqual([]);
  });

  it('are none where all rows of a value are shown', () => {
    const whole = { select: { columns: '*', masks: [] }, insert: { columns: ['id', 'email'] } } as const;
    expect(lint(grant('items', whole))).toEqual([]);
    expect(lint(grant('items', { ...whole, where: "email = 'a'" }))).toEqual([
      'spec.relations[0].insert: an agent that may insert public.items can learn whether hidden rows or values have the same "id": constraint "items_pkey"',
    ]);
    expect(lint(grant('items', { ...whole, where: "tenant = current_setting('app.tenant')::int AND price > 0" }))).toHaveLength(1);
    expect(lint(grant('items', { ...whole, where: 'tenant = 1 OR price > 0' }))).toHaveLength(2);
    expect(lint(grant('items', { ...whole, where: 'tenant = price' }))).toHaveLength(2);
  });
});
