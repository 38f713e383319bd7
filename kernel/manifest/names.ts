/**
 * Names of relations, functions and columns in a policy.
 */
import type { ColumnList, QualifiedName } from '../policy.ts';
import type { FieldPath } from './field-path.ts';
import { type ParsedName, parseColumnName, parseIdentifier, parseQualifiedName } from './identifier.ts';
import { repeated } from './list-uniqueness.ts';
import { type Building, faulty } from './resource.ts';

const nameOf = <Name>(building: Building, text: string, path: FieldPath, parsed: ParsedName<Name>): Name | undefined => {
  if (parsed.type === 'Invalid') return faulty(building, path, parsed.message, parsed.remedy);
  if (parsed.folded) {
    building.warn({
      path,
      message: `${text} is read in lower case, for SQL does so with names that are not quoted`,
      remedy: `Write it in lower case, or in double quotes if it has capitals in the database, as in '"createdAt"'.`,
    });
  }
  return parsed.name;
};

/** A name of the form `schema.name`; undefined after a fault. */
export const qualifiedName = (building: Building, text: string, path: FieldPath): QualifiedName | undefined =>
  nameOf(building, text, path, parseQualifiedName(text));

/** A column's name; undefined after a fault. */
export const columnName = (building: Building, text: string, path: FieldPath): string | undefined =>
  nameOf(building, text, path, parseIdentifier(text));

/** A list of columns, or `"*"` for all. */
export const columnList = (building: Building, columns: readonly string[], path: FieldPath): ColumnList =>
  columns.includes('*') ? '*' : columnNames(building, columns, path);

/** Columns by their names, each once. */
export const columnNames = (building: Building, columns: readonly string[], path: FieldPath): readonly string[] => {
  const names = columns.flatMap((column, index) => columnName(building, column, [...path, index]) ?? []);
  for (const { index } of repeated(names, (name) => name)) {
    building.fault({
      path: [...path, index],
      message: `column "${names[index] ?? ''}" stands twice in the list`,
      remedy: 'Remove one of them.',
    });
  }
  return names;
};

/** A name as it stands in a list, with its place. */
type Placed = { readonly text: string; readonly path: FieldPath };

/** Parsed names; one that means the same as an earlier one is a fault. */
const unique = <Name>(
  building: Building,
  texts: readonly Placed[],
  parse: (building: Building, text: string, path: FieldPath) => Name | undefined,
): readonly (Name | undefined)[] => {
  const names = texts.map(({ text, path }) => parse(building, text, path));
  const identity = names.map((name, index) => (name === undefined ? `${index}` : JSON.stringify(name)));
  for (const { index, first } of repeated(identity, (id) => id)) {
    building.fault({
      path: texts[index]?.path ?? [],
      message: `${texts[index]?.text ?? ''} is the same as ${texts[first]?.text ?? ''}`,
      remedy: 'Merge them into one.',
    });
  }
  return names;
};

/** Names of relations or functions, each with the place where it stands. A name that means the same as an earlier one is a fault. */
export const uniqueNames = (building: Building, texts: readonly Placed[]): readonly (QualifiedName | undefined)[] =>
  unique(building, texts, qualifiedName);

/** Names of schemas, in the same way. */
export const uniqueIdentifiers = (building: Building, texts: readonly Placed[]): readonly (string | undefined)[] =>
  unique(building, texts, (_, text, path) => nameOf(building, text, path, parseIdentifier(text)));

/** Names of the form `schema.relation.column`, in the same way. */
export const uniqueColumns = (
  building: Building,
  texts: readonly Placed[],
): readonly ({ readonly relation: QualifiedName; readonly column: string } | undefined)[] =>
  unique(building, texts, (_, text, path) => nameOf(building, text, path, parseColumnName(text)));
