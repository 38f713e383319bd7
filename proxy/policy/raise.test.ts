import { describe, expect, it } from 'vitest';
import { type Violation, raisedFailure, raiseSql } from './raise.ts';

const nameIn = (sql: string): string => /^pg_catalog\.current_setting\('([^']*)'\)$/.exec(sql)?.[1] ?? '';

describe('raisedFailure() knows again what raiseSql() raised', () => {
  const violations: readonly (readonly [Violation, string])[] = [
    [{ type: 'RowFilter', relation: 'public.orders' }, 'new row violates the row filter of relation "public.orders"'],
    [{ type: 'View', relation: 'public.totals' }, 'definition of relation "public.totals" has changed'],
    [{ type: 'RowFilter', relation: `s."o' <é%>"` }, `new row violates the row filter of relation "s."o' <é%>""`],
    [
      { type: 'Mask', relation: 'public.users', column: 's s>n' },
      'permission denied to write a mask over column "s s>n" of relation "public.users"',
    ],
  ];
  it.each(violations)('%j', (violation, message) => {
    const name = nameIn(raiseSql(violation));
    expect(raisedFailure('42704', `unrecognized configuration parameter "${name}"`)?.message).toBe(message);
    expect(raisedFailure('42704', `unbekannter Konfigurationsparameter »${name}«`)?.message).toBe(message);
    expect(raisedFailure('22012', `unrecognized configuration parameter "${name}"`)).toBeUndefined();
  });

  it('leaves other errors alone', () => {
    expect(raisedFailure('42704', 'unrecognized configuration parameter "pg_airlock.row_filter"')).toBeUndefined();
    expect(raisedFailure(undefined, undefined)).toBeUndefined();
    expect(raisedFailure('42704', 'type "pg_airlock.view <%ZZ>" does not exist')).toBeUndefined();
    expect(raisedFailure('42704', 'type "pg_airlock.mask <public.users %E0>" does not exist')).toBeUndefined();
  });
});
