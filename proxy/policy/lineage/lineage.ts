/**
 * What a view's definition shows, and by what it decides which rows there are.
 */
import type { CatalogRelation } from '../../catalog/catalog.ts';
import type { Leaf, Value } from './value.ts';

/**
 * Why what a function, an operator or a cast to a type makes cannot be traced; undefined where its arguments say all. Without a schema: of
 * pg_catalog.
 */
export type Opaque = (by: 'Function' | 'Operator' | 'Cast', schema: string | undefined, name: string) => string | undefined;

/** What of a definition decides which rows there are, or where they stand. */
export type Telling = {
  /**
   * `Condition`: of these columns with each other. `Rows`: of these columns between rows (grouping, order, distinct rows). `Made`: of these
   * columns by a function that makes rows, or by LIMIT.
   */
  readonly type: 'Condition' | 'Rows' | 'Made';
  readonly leaves: readonly Leaf[];
  /** It asks for a setting, which an agent might set. */
  readonly asksSetting: boolean;
};

export type Lineage = {
  readonly outputs: readonly Value[];
  readonly tellings: readonly Telling[];
  /** Every entry of a FROM clause that is a relation. */
  readonly items: readonly { readonly item: number; readonly relation: CatalogRelation }[];
  /** A FROM clause has a function: what it depends on are the columns of its result, too. */
  readonly hasFunctions: boolean;
  /** The queries whose rows are the view's: several of UNION. */
  readonly parts: readonly Part[];
};

export type Part = {
  readonly outputs: readonly Value[];
  readonly items: Lineage['items'];
  /** Entries of which each row shows one row, or several that have all columns in common which `outputs` shows as they are. */
  readonly passing: ReadonlySet<number>;
};

/** What tracing asks of its surroundings. */
export type TraceContext = {
  /** Without a schema: one of pg_catalog. */
  readonly relation: (schema: string | undefined, name: string) => CatalogRelation | undefined;
  readonly opaque: Opaque;
};

/** Why a definition could not be traced. */
export class Untraceable extends Error {}
