/** Checks of masks: whether they can serve their column, and how much they leave to see. */
import type { CatalogColumn } from '../proxy/catalog/catalog.ts';
import { type Check, type Finding, grantPlaces, inPolicy } from './lint-finding.ts';
import { relationOf } from './lint-grants.ts';

/** Masks and filters that the database cannot evaluate. */
export const unusableGrants: Check = (input) =>
  grantPlaces(input).flatMap((place): Finding[] => {
    const relation = relationOf(place);
    const { policy, grant, database, path, name } = place;
    if (relation === undefined || database === undefined || grant.select === undefined) return [];
    const known = new Set(relation.columns.map((column) => column.name));
    const { columns, masks } = grant.select;
    // A column that is not there has a finding of its own.
    if ([...masks.map((entry) => entry.column), ...(columns === '*' ? [] : columns)].some((column) => !known.has(column))) return [];
    const complaint = database.complaint(grant);
    if (complaint === undefined) return [];
    const index = masks.findIndex(({ column }) => complaint.includes(`column "${column}"`));
    const at = index === -1 ? path : [...path, 'select', 'masks', index, 'mask'];
    const message = `the grant of ${name} cannot be applied: ${complaint}`;
    const remedy = 'Every statement that reads it is refused: choose another mask for the type, or correct the expression.';
    return [inPolicy('unusable-grant', policy, { severity: 'Error', path: at, message, remedy })];
  });

const DIGITS: Readonly<Record<string, number>> = { int2: 5, int4: 10, int8: 19 };

/** The most characters or digits that a value of the column has; undefined where there is no limit. */
const longest = (column: CatalogColumn): number | undefined =>
  column.length ?? (column.baseTypeSchema === 'pg_catalog' ? DIGITS[column.baseType] : undefined);

/** Fewer hidden characters than these are soon guessed. */
const FEW_HIDDEN = 5;

/** KeepFirst and KeepLast that hide little, or everything, of what the column can hold; a Date mask that cuts nothing off. */
export const revealingMasks: Check = (input) =>
  grantPlaces(input).flatMap((place) => {
    const columns = relationOf(place)?.columns ?? [];
    const { policy, grant, path, name } = place;
    return (grant.select?.masks ?? []).flatMap(({ column, mask }, index): Finding[] => {
      const known = columns.find((each) => each.name === column);
      const find = (message: string, remedy: string): Finding[] => [
        inPolicy('revealing-mask', policy, { severity: 'Warning', path: [...path, 'select', 'masks', index, 'mask'], message, remedy }),
      ];
      if (known === undefined) return [];
      const what = `column "${column}" of ${name} (${known.castTo})`;
      if (mask.type === 'Date' && mask.precision === 'Day' && known.baseType === 'date') {
        return find(`mask Date with precision Day shows ${what} as it is`, 'Choose Month, Quarter or Year.');
      }
      if (mask.type !== 'KeepLast' && mask.type !== 'KeepFirst') return [];
      const most = longest(known);
      if (most === undefined) return [];
      if (most < 2 * mask.characters) {
        const message = `mask ${mask.type} with ${mask.characters} characters shows nothing of ${what}, whose values are too short for it`;
        return find(message, 'Keep fewer characters, or say Redact.');
      }
      if (most - mask.characters >= FEW_HIDDEN) return [];
      const message = `mask ${mask.type} with ${mask.characters} characters hides at most ${most - mask.characters} of ${what}`;
      return find(message, 'Keep fewer characters, or say Redact or Hash.');
    });
  });
