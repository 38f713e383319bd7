import { describe, expect, it } from 'vitest';
import { catalogOf, column, relation } from '../../test/support/small-catalog.ts';
import { type Catalog, type CatalogRelation, relationKey } from './catalog.ts';
import { withFormerNames } from './former-names.ts';

const catalogWith = (only: CatalogRelation): Catalog =>
  catalogOf({ relations: new Map([[relationKey(only.schema, only.name), only]]), relationsByOid: new Map([[only.oid, only]]) });

const first = relation('users', [column('id', 'int4', { number: 1 }), column('ssn', 'text', { number: 2 })]);

describe('withFormerNames()', () => {
  it('remembers what a relation and a column were called, through several changes', () => {
    const second = {
      ...first,
      name: 'old',
      columns: [first.columns[0]!, column('legacy', 'text', { number: 2 }), column('ssn', 'text', { number: 3 })],
    };
    const third = { ...second, name: 'older' };
    const after = withFormerNames(catalogWith(third), withFormerNames(catalogWith(second), catalogWith(first))).relationsByOid.get(
      first.oid,
    );
    expect(after?.formerly).toEqual([relationKey('public', 'users'), relationKey('public', 'old')]);
    expect(after?.columns.map(({ name, formerly }) => [name, formerly])).toEqual([
      ['id', undefined],
      ['legacy', ['ssn']],
      ['ssn', undefined],
    ]);
  });

  it('forgets a name that came back, and leaves what did not change alone', () => {
    const renamed = withFormerNames(catalogWith({ ...first, name: 'old' }), catalogWith(first));
    expect(withFormerNames(catalogWith(first), renamed).relationsByOid.get(first.oid)?.formerly).toEqual([relationKey('public', 'old')]);
    expect(withFormerNames(catalogWith(first), catalogWith(first)).relationsByOid.get(first.oid)).toBe(first);
  });
});
