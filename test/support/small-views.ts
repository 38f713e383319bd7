/** Grants as they come to by what relations show of each other, as text: what tracing needs, without a server. */
import { Failure } from '../../kernel/failure.ts';
import type { RelationGrant } from '../../kernel/policy.ts';
import { type Catalog, type CatalogColumn, type CatalogRelation, relationKey } from '../../proxy/catalog/catalog.ts';
import type { GrantedRelation, Grants } from '../../proxy/policy/grants.ts';
import { narrowing } from '../../proxy/policy/lineage/narrow.ts';
import { analyze } from '../../proxy/sql/analyze.ts';
import type { Grammar, ParsedStatement } from '../../proxy/sql/grammar.ts';
import { catalogOf, column, grantsOf, policy, relation } from './small-catalog.ts';

/** `id:int4 name cut:varchar(3)`: names with their types, text where there is none. */
export const columnsFrom = (text: string): readonly CatalogColumn[] =>
  text.split(' ').map((each) => {
    const [name = '', type = 'text'] = each.split(':');
    const [, length] = /^varchar\((\d+)\)$/.exec(type) ?? [];
    if (!type.startsWith('varchar')) return column(name, type);
    return column(name, 'varchar', { castTo: length === undefined ? 'character varying' : `character varying(${length})`, category: 'S' });
  });

/** The catalog of these relations alone. */
export const catalogWith = (relations: readonly CatalogRelation[], rest: Partial<Catalog> = {}): Catalog =>
  catalogOf({
    schemas: new Set(['public', ...relations.map(({ schema }) => schema)]),
    relations: new Map(relations.map((each) => [relationKey(each.schema, each.name), each])),
    relationsByOid: new Map(relations.map((each) => [each.oid, each])),
    ...rest,
  });

const parsed = (definition: string, grammar: Grammar): ParsedStatement | undefined => {
  try {
    return grammar.parse(definition)[0];
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
};

/** A view of `relations`, which reaches all that its definition names. */
export const viewOf = (
  name: string,
  { columns, definition }: { readonly columns: string; readonly definition: string },
  { relations, grammar }: { readonly relations: readonly CatalogRelation[]; readonly grammar: Grammar },
): CatalogRelation => {
  const statement = parsed(definition, grammar);
  const named = statement === undefined ? undefined : analyze(statement, Buffer.from(definition)).relations;
  // What cannot be read may show anything.
  const reaches = relations.filter(
    (each) => named === undefined || named.some(({ schema, name: other }) => schema === each.schema && other === each.name),
  );
  return relation(name, columnsFrom(columns), { kind: 'v', primaryKey: [], definition, reaches: reaches.map(({ oid }) => oid) });
};

/** The grants as statements are judged by them. */
export const narrowedGrants = (grants: Grants, catalog: Catalog, grammar: Grammar): Grants => {
  const definitions = new Map(
    [...catalog.relationsByOid.values()].map(({ oid, definition }) => [
      oid,
      definition === undefined ? undefined : parsed(definition, grammar)?.node,
    ]),
  );
  const steps = narrowing({ grants, catalog, grammar, definitions });
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
};

/** The same of these grants. */
export const narrowedBy = (
  granted: readonly RelationGrant[],
  { catalog, grammar, functions = [] }: { readonly catalog: Catalog; readonly grammar: Grammar; readonly functions?: readonly string[] },
): Grants => {
  const named = functions.map((name) => ({ schema: name.split('.')[0]!, name: name.split('.')[1]! }));
  return narrowedGrants(grantsOf(policy({ relations: granted, functions: named }))!, catalog, grammar);
};

/**
 * `id, ssn: KeepLast of public.users.ssn, -secret of public.users.secret; where tenant = 1; ! problem`: columns as they are, masked, and hidden
 * by what is beneath; without those that the grant itself leaves out.
 */
export const shownAs = ({ grant, narrowing: narrowed }: GrantedRelation, { columns }: CatalogRelation): string => {
  const { select, where } = grant;
  const shown = columns.flatMap(({ name }): readonly string[] => {
    const mask = select?.masks.find((entry) => entry.column === name)?.mask;
    const change = narrowed?.columns.find((each) => each.column === name);
    const from = change === undefined ? '' : ` of ${change.from}`;
    if (change?.effect === 'Hidden') return [`-${name}${from}`];
    const text = mask?.type === 'Expression' ? mask.expression : mask?.type;
    if (mask !== undefined) return [`${name}: ${text}${from}`];
    return select !== undefined && (select.columns === '*' || select.columns.includes(name)) ? [name] : [];
  });
  const filtered = narrowed?.filtered === true ? 'filtered' : 'where';
  return [shown.join(', '), ...(where === undefined ? [] : [`${filtered} ${where}`]), ...problemOf(narrowed?.problem)].join('; ');
};

const problemOf = (problem: string | undefined): readonly string[] => (problem === undefined ? [] : [`! ${problem}`]);
