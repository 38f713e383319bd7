/**
 * What a policy grants on one relation.
 */
import type { ColumnMask, RelationGrant, SelectGrant } from '../policy.ts';
import type { DatabaseAccessPolicy } from '../generated/database-access-policy.ts';
import type { FieldPath } from './field-path.ts';
import { repeated } from './list-uniqueness.ts';
import { maskOf } from './mask.ts';
import { columnList, columnName, columnNames, uniqueNames } from './names.ts';
import type { Building } from './resource.ts';
import { sqlExpression } from './sql-expression.ts';

export type RelationDocument = NonNullable<DatabaseAccessPolicy['spec']['relations']>[number];
type SelectDocument = NonNullable<RelationDocument['select']>;

const masksOf = (building: Building, select: SelectDocument, path: FieldPath): readonly ColumnMask[] => {
  const masks = (select.masks ?? []).map((entry, index) => ({
    column: columnName(building, entry.column, [...path, 'masks', index, 'column']),
    mask: maskOf(building, entry.mask, [...path, 'masks', index, 'mask']),
  }));
  for (const { index } of repeated(masks, ({ column }) => column ?? '')) {
    building.fault({
      path: [...path, 'masks', index, 'column'],
      message: `column "${masks[index]?.column ?? ''}" is masked twice`,
      remedy: 'Keep one mask for it.',
    });
  }
  return masks.flatMap(({ column, mask }) => (column === undefined || mask === undefined ? [] : [{ column, mask }]));
};

const selectOf = (building: Building, select: SelectDocument, path: FieldPath): SelectGrant => {
  const columns = columnList(building, select.columns ?? [], [...path, 'columns']);
  const masks = masksOf(building, select, path);
  const masked = new Set(masks.map(({ column }) => column));
  if (columns !== '*') {
    for (const [index, column] of columns.entries()) {
      if (!masked.has(column)) continue;
      building.fault({
        path: [...path, 'columns', index],
        message: `column "${column}" is listed as it is, and masked`,
        remedy: 'Remove it from columns, for a masked column need not be listed; or remove its mask.',
      });
    }
  }
  return { columns, masks };
};

/** The grants of a policy, in its order. */
export const relationGrants = (building: Building, relations: readonly RelationDocument[], path: FieldPath): readonly RelationGrant[] => {
  const names = uniqueNames(
    building,
    relations.map(({ name }, index) => ({ text: name, path: [...path, index, 'name'] })),
  );
  return relations.flatMap((relation, index) => {
    const here = [...path, index];
    const name = names[index];
    const { select, insert, update, where, beneath } = relation;
    const grant = {
      select: select && selectOf(building, select, [...here, 'select']),
      insert: insert && { columns: columnList(building, insert.columns, [...here, 'insert', 'columns']) },
      update: update && { columns: columnList(building, update.columns, [...here, 'update', 'columns']) },
      delete: relation.delete !== undefined,
      ...(relation.guessable && { guessable: columnNames(building, relation.guessable, [...here, 'guessable']) }),
      where: where === undefined ? undefined : sqlExpression(building, where, [...here, 'where']),
      ...(beneath === 'Ignore' && { beneath }),
    };
    return name === undefined ? [] : [{ ...name, ...grant }];
  });
};
