/**
 * What can be read without failing, whatever its rows hold.
 */
import type { Catalog, CatalogRelation } from '../catalog/catalog.ts';
import { isHarmless } from './harmless.ts';
import type { Fence, Scope } from './scope.ts';
import { isStored } from './sight.ts';

/** Can no row of the relation make its filter fail? */
export const isHarmlessFilter = ({ condition }: Pick<Fence, 'condition'>, relation: CatalogRelation, catalog: Catalog): boolean => {
  const columnOf = ([name]: readonly string[]) => relation.columns.find((column) => column.name === name);
  return isStored(relation) && isHarmless(condition, { columnOf, parameters: new Map(), catalog, asksForSession: true });
};

/** Can finding the rows of the scope fail? A view may, as what it is made of. */
export const isReadHarmlessly = (scope: Scope, catalog: Catalog): boolean =>
  scope.type !== 'Unusable' &&
  isStored(scope.relation) &&
  (scope.type === 'Bare' || (scope.fence === undefined ? scope.tail === '' : isHarmlessFilter(scope.fence, scope.relation, catalog)));
