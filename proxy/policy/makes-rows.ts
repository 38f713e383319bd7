/**
 * Does a function make any number of rows where one value is asked for?
 */
import { SET_RETURNING } from '../catalog/builtin/set-returning.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { CalledName } from '../sql/analysis.ts';

/** Of functions with the same name, one that does is enough. */
export const makesRows = ({ schema, name }: CalledName, { functions }: Catalog): boolean =>
  ((schema === undefined || schema === 'pg_catalog') && SET_RETURNING.has(name)) ||
  (functions.get(name) ?? []).some((each) => each.returnsSet && (schema === undefined || schema === each.schema));
