/**
 * The grants as they come to by what the relations show of each other: views, materialized views, partitions and inheritance children.
 * INVARIANT: nothing is judged by a grant that has not been here.
 */
import type { RelationGrant, SelectGrant } from '../../../kernel/policy.ts';
import { systemRelation } from '../../catalog/builtin/relations.ts';
import { type Catalog, type CatalogRelation, relationKey } from '../../catalog/catalog.ts';
import type { Grammar } from '../../sql/grammar.ts';
import type { Tree } from '../../sql/tree.ts';
import type { GrantedRelation, Grants, Narrowing } from '../grants.ts';
import { Families, seenOfTable, writesWithin } from './family.ts';
import { seenOfView } from './seen-of-view.ts';
import { ALL_SEEN, bothConditions, CLEAR, type ColumnSight, displayName, isClear, NULL_MASK, type Seen } from './seen.ts';
import { type Lineage, Untraceable } from './lineage.ts';
import { viewOpacity } from './opacity.ts';
import { traceDefinition } from './trace-definition.ts';

export type NarrowingInput = {
  readonly grants: Grants;
  readonly catalog: Catalog;
  /** Loaded, at the beginning of each step. */
  readonly grammar: Grammar;
  /** By the oid of the view; undefined for one that could not be parsed. */
  readonly definitions: ReadonlyMap<number, Tree | undefined>;
};

/** Views in reach of what is granted, in mode `Audit` all: their definitions are needed. */
export const viewsInReach = (grants: Grants, catalog: Catalog): readonly CatalogRelation[] => {
  if (keepsAnything(grants)) return [...catalog.relationsByOid.values()].filter(({ definition }) => definition !== undefined);
  const pending = [...grants.relations.keys()].flatMap((key) => catalog.relations.get(key)?.oid ?? []);
  const seen = new Set<number>();
  for (let oid = pending.pop(); oid !== undefined; oid = pending.pop()) {
    if (seen.has(oid)) continue;
    seen.add(oid);
    pending.push(...(catalog.relationsByOid.get(oid)?.reaches ?? []));
  }
  return [...seen].flatMap((oid) => {
    const relation = catalog.relationsByOid.get(oid);
    return relation?.definition === undefined ? [] : [relation];
  });
};

/** Mode `Audit` shows what is not granted; is there anything that it must not show? */
const keepsAnything = ({ mode, relations, conflicts }: Grants): boolean =>
  mode === 'Audit' &&
  (conflicts.size > 0 || [...relations.values()].some(({ grant }) => grant.where !== undefined || (grant.select?.masks.length ?? 0) > 0));

class Narrower {
  readonly #input: NarrowingInput;
  readonly #families: Families;
  readonly #seen = new Map<number, Seen>();

  constructor(input: NarrowingInput) {
    this.#input = input;
    this.#families = new Families(input.catalog);
  }

  granted(key: string, granted: GrantedRelation): GrantedRelation {
    const { catalog, grants } = this.#input;
    const relation = catalog.relations.get(key);
    if (relation === undefined) return granted;
    const isPlain =
      relation.definition === undefined && !relation.columns.some(({ madeOf, formerly }) => madeOf !== undefined || formerly !== undefined);
    if (isPlain && this.#families.of(relation) === undefined) return granted;
    const seen = this.#of(relation);
    const writes = writesWithin(granted.grant, relation, this.#families.of(relation), grants);
    const { grant, columns } = applied(writes, relation, seen);
    const filtered = grant.where !== granted.grant.where;
    const narrowing: Narrowing = { ...(seen.problem !== undefined && { problem: seen.problem }), columns, filtered };
    return grant === granted.grant && seen.problem === undefined ? granted : { ...granted, grant, narrowing };
  }

  /** Does it show anything that is masked, filtered or in conflict? What is only not granted does not count. */
  keeps(relation: CatalogRelation): boolean {
    const { columns, where, problem } = this.#of(relation);
    return where !== undefined || problem !== undefined || [...columns.values()].some(({ mask }) => mask !== undefined);
  }

  #of(relation: CatalogRelation): Seen {
    const known = this.#seen.get(relation.oid);
    if (known !== undefined) return known;
    // Views cannot go in circles; what should do so shows nothing.
    this.#seen.set(relation.oid, { ...ALL_SEEN, problem: 'its definition names itself' });
    const seen = this.#read(relation);
    this.#seen.set(relation.oid, seen);
    return seen;
  }

  #read(relation: CatalogRelation): Seen {
    const { grants } = this.#input;
    if (relation.schema === 'pg_catalog' || relation.schema === 'information_schema') return systemSeen(relation);
    if (relation.definition === undefined) return seenOfTable(relation, this.#families.of(relation), grants);
    const own = grants.relations.get(relationKey(relation.schema, relation.name))?.grant;
    const byItself = seenOfTable(relation, undefined, grants);
    if (own?.beneath === 'Ignore' || byItself.problem !== undefined) return byItself;
    return together(relation, this.#beneath(relation), own);
  }

  #beneath(relation: CatalogRelation): Seen {
    let lineage: Lineage;
    try {
      lineage = this.#lineage(relation);
    } catch (error) {
      if (!(error instanceof Untraceable)) throw error;
      return this.#isGuarded(relation) ? { ...ALL_SEEN, problem: `its definition could not be traced: ${error.message}` } : ALL_SEEN;
    }
    const { grammar } = this.#input;
    return seenOfView(relation, lineage, {
      grammar,
      seen: (each) => this.#of(each),
      writes: (each, column) => this.#writes(each, column),
    });
  }

  #lineage(relation: CatalogRelation): Lineage {
    const { catalog, definitions } = this.#input;
    const definition = definitions.get(relation.oid);
    if (definition === undefined) throw new Untraceable('it cannot be parsed');
    const { opaque, unmet } = viewOpacity(relation, this.#input);
    const lineage = traceDefinition(definition, {
      relation: (schema, name) => catalog.relations.get(relationKey(schema ?? 'pg_catalog', name)),
      opaque,
    });
    if (lineage.outputs.length !== relation.columns.length) throw new Untraceable('it has other columns');
    // What the server says that it depends on, tracing has to have met; the catalog has no composite types, and a sequence shows no rows by its name.
    const met = new Set(lineage.items.map((item) => item.relation.oid));
    const missed = relation.reaches
      .flatMap((oid) => catalog.relationsByOid.get(oid) ?? [])
      .find(({ oid, kind }) => !met.has(oid) && kind !== 'S');
    if (missed !== undefined && !lineage.hasFunctions) throw new Untraceable(`it reaches ${displayName(missed)}`);
    const unknown = unmet();
    return unknown === undefined ? lineage : { ...lineage, outputs: lineage.outputs.map((value) => ({ ...value, unknown })) };
  }

  /** Does it reach anything that a policy hides a part of? */
  #isGuarded(relation: CatalogRelation): boolean {
    const { catalog } = this.#input;
    const pending = [...relation.reaches];
    const met = new Set<number>();
    for (let oid = pending.pop(); oid !== undefined; oid = pending.pop()) {
      const each = catalog.relationsByOid.get(oid);
      if (each === undefined || met.has(oid)) continue;
      met.add(oid);
      const { columns, where, problem } = each.definition === undefined ? this.#of(each) : ALL_SEEN;
      if (columns.size > 0 || where !== undefined || problem !== undefined) return true;
      pending.push(...each.reaches);
    }
    return false;
  }

  #writes(relation: CatalogRelation, column: string): boolean {
    const family = this.#families.of(relation);
    return [relation, ...(family?.ancestors ?? []), ...(family?.others ?? [])].some(({ schema, name }) => {
      const grant = this.#input.grants.relations.get(relationKey(schema, name))?.grant;
      return [grant?.insert, grant?.update].some((verb) => verb !== undefined && (verb.columns === '*' || verb.columns.includes(column)));
    });
  }
}

/** PostgreSQL's own: what an agent may not see of them is as masked. */
const systemSeen = (relation: CatalogRelation): Seen => {
  const system = systemRelation(relation.schema, relation.name);
  if (system?.type === 'Open') return ALL_SEEN;
  const isHidden = (name: string): boolean => system?.type !== 'Scoped' || system.where !== undefined || system.hide.includes(name);
  const hidden = relation.columns.filter(({ name }) => isHidden(name));
  return { columns: new Map(hidden.map(({ name }) => [name, { hidden: false, mask: NULL_MASK }])), where: undefined };
};

/** A view by its definition and by its own grant: that says which masks of its own it has, and may name what is hidden beneath. */
const together = (relation: CatalogRelation, beneath: Seen, own: RelationGrant | undefined): Seen => {
  if (own === undefined) return beneath;
  const { select } = own;
  const masks = new Map(select?.masks.map(({ column, mask }) => [column, mask]));
  const columns = new Map<string, ColumnSight>();
  for (const { name } of relation.columns) {
    const traced = beneath.columns.get(name) ?? CLEAR;
    const mask = masks.get(name);
    const isNamed = select !== undefined && select.columns !== '*' && select.columns.includes(name);
    const isBrought = select?.columns === '*';
    const hidden = mask !== undefined || isNamed ? false : isBrought ? traced.hidden : true;
    const sight: ColumnSight = mask !== undefined ? { hidden, mask } : { ...traced, hidden };
    if (!isClear(sight)) columns.set(name, sight);
  }
  const where = bothConditions([own.where, beneath.where].filter((each) => each !== undefined));
  return { columns, where, ...(beneath.problem !== undefined && { problem: beneath.problem }) };
};

/** The grant under what is seen. */
const applied = (grant: RelationGrant, relation: CatalogRelation, seen: Seen): { grant: RelationGrant; columns: Narrowing['columns'] } => {
  const { select } = grant;
  const where = seen.where;
  if (select === undefined) return { grant: where === grant.where ? grant : { ...grant, where }, columns: [] };
  const own = new Map(select.masks.map((entry) => [entry.column, entry.mask]));
  const masks = select.masks.filter(({ column }) => !relation.columns.some(({ name }) => name === column));
  const clear: string[] = [];
  const changed: { column: string; effect: 'Hidden' | 'Masked' | 'Null'; from: string }[] = [];
  for (const { name } of relation.columns) {
    const { hidden, mask, from = '' } = seen.columns.get(name) ?? CLEAR;
    const isGranted = select.columns === '*' || select.columns.includes(name) || own.has(name);
    if (!isGranted) continue;
    if (hidden) changed.push({ column: name, effect: 'Hidden', from });
    else if (mask === undefined) clear.push(name);
    else {
      masks.push({ column: name, mask });
      if (own.get(name) !== mask) changed.push({ column: name, effect: mask.type === 'Null' ? 'Null' : 'Masked', from });
    }
  }
  if (changed.length === 0 && where === grant.where) return { grant, columns: [] };
  const isWhole = select.columns === '*' && changed.every(({ effect }) => effect !== 'Hidden');
  const missing = select.columns === '*' ? [] : select.columns.filter((column) => !relation.columns.some(({ name }) => name === column));
  const narrowed: SelectGrant = { columns: isWhole ? '*' : [...clear, ...missing], masks };
  return { grant: { ...grant, select: narrowed, where }, columns: changed };
};

/** As if all columns were granted. */
const widened = (grants: Grants): Grants => ({
  ...grants,
  relations: new Map(
    [...grants.relations].map(([key, granted]) => {
      const { select } = granted.grant;
      return [key, select === undefined ? granted : { ...granted, grant: { ...granted.grant, select: { ...select, columns: '*' } } }];
    }),
  ),
});

/** The grants under which statements are judged, a relation for each step: with many that are wide it takes a while. */
export function* narrowing(input: NarrowingInput): Generator<undefined, Grants> {
  const { grants, catalog } = input;
  const narrower = new Narrower(input);
  const relations = new Map<string, GrantedRelation>();
  for (const [key, granted] of grants.relations) {
    relations.set(key, narrower.granted(key, granted));
    yield undefined;
  }
  const narrowed: Grants = { ...grants, relations, narrowed: true };
  if (!keepsAnything(grants)) return narrowed;
  // INVARIANT: what mode `Audit` shows beyond the grants is masked, or not shown, as if it were granted.
  const wide = widened(grants);
  const wider = new Narrower({ ...input, grants: wide });
  const kept = new Set<string>();
  for (const [key, relation] of catalog.relations) {
    const granted = wide.relations.get(key);
    if (granted?.grant.select === undefined) {
      if (wider.keeps(relation)) kept.add(key);
    } else relations.set(key, { ...relations.get(key)!, audited: wider.granted(key, granted).grant.select! });
    yield undefined;
  }
  return { ...narrowed, kept };
}
