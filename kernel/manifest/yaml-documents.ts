/**
 * Manifest text to documents: YAML 1.2 (and so JSON), several documents per file, anchors within a document.
 */
import {
  type Document,
  isCollection,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { FieldPath } from './field-path.ts';
import { type Problem, fileProblem } from './problem.ts';

export type ManifestFile = { readonly path: string; readonly text: string };

export type ManifestDocument = {
  readonly file: string;
  /** From 1, in the file; undefined where it is no file's. */
  readonly number: number | undefined;
  /** Plain JSON. */
  readonly value: unknown;
  /** Line of the value at a path, or of the nearest thing around it that exists. */
  readonly lineOf: (path: FieldPath) => number | undefined;
};

/** Expansions by aliases that a document may have: more than any manifest needs, far from a "billion laughs". */
const MAX_ALIASES = 100;

/** The library's own messages quote the text, which may be a Secret's: ours say what is wrong by its code. */
const SYNTAX_PROBLEMS: Readonly<Record<string, string>> = {
  BAD_DQ_ESCAPE: 'a text in double quotes has an escape that YAML does not know',
  BAD_INDENT: 'the indentation is wrong',
  BAD_SCALAR_START: 'a text begins with a sign that has a meaning in YAML: put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping or list begins where a value on one line is expected',
  BLOCK_IN_FLOW: 'a block stands inside brackets or braces',
  DUPLICATE_KEY: 'a key stands twice in one mapping',
  MISSING_CHAR: 'a sign is missing, such as a closing quote, a bracket or the space after a colon',
  MULTILINE_IMPLICIT_KEY: 'a key goes over several lines: a colon or a quote is missing',
  TAB_AS_INDENT: 'a tab is used for indentation, where YAML wants spaces',
  TAG_RESOLVE_FAILED: 'a tag (!name) is not known',
  UNEXPECTED_TOKEN: 'a sign stands where none is expected',
};

/** Line on which each path stands, found in the node tree of the document. */
const lineFinder = (document: Document.Parsed, lines: LineCounter): ((path: FieldPath) => number) => {
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const start = document.contents?.range?.[0] ?? document.range[0];
  const known = new Map<unknown, ReadonlyMap<string, Pair>>();
  /** By key; each mapping is read once, for it may have thousands and a problem with each. */
  const pairsOf = (node: YAMLMap | YAMLSeq): ReadonlyMap<string, Pair> => {
    const pairs =
      known.get(node) ?? new Map(node.items.flatMap((item) => (isPair(item) && isNode(item.key) ? [[String(item.key), item]] : [])));
    known.set(node, pairs);
    return pairs;
  };
  return (path) => {
    let line = lineAt(start);
    let node: unknown = document.contents;
    for (const step of path) {
      if (!isCollection(node)) return line;
      const pair = pairsOf(node as YAMLMap | YAMLSeq).get(String(step));
      const next: unknown = pair === undefined ? node.get(step, true) : pair.value;
      // A key says better where a value stands than the value, which may begin on the next line.
      const key = isNode(pair?.key) ? (pair.key as Node).range?.[0] : undefined;
      const offset = key ?? (isNode(next) ? next.range?.[0] : undefined);
      if (offset === undefined) return line;
      line = lineAt(offset);
      node = next;
    }
    return line;
  };
};

const parsed = (file: ManifestFile): { readonly documents: readonly Document.Parsed[]; readonly lines: LineCounter } => {
  const lines = new LineCounter();
  const documents = parseAllDocuments(file.text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    // Each key would be compared with all before it: see `repeatedKey`.
    uniqueKeys: false,
    logLevel: 'silent',
  });
  return { documents: Array.isArray(documents) ? documents : [], lines };
};

/** Where a key stands that its mapping has already; undefined where none does. */
const repeatedKey = (document: Document.Parsed): number | undefined => {
  let found: number | undefined;
  visit(document, {
    Map: (_, { items }) => {
      const keys = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (keys.has(key.value)) {
          found = key.range?.[0] ?? 0;
          return visit.BREAK;
        }
        keys.add(key.value);
      }
      return undefined;
    },
  });
  return found;
};

/** The documents of a file; empty ones are left out, but numbered. A file with a syntax error has none. */
export const yamlDocuments = (
  file: ManifestFile,
): { readonly documents: readonly ManifestDocument[]; readonly problems: readonly Problem[] } => {
  let source: ReturnType<typeof parsed>;
  try {
    source = parsed(file);
  } catch {
    // Nesting beyond the stack ends here.
    return {
      documents: [],
      problems: [fileProblem(file.path, 'the file cannot be read as YAML', 'It may be nested too deeply; simplify it.')],
    };
  }
  const problems: Problem[] = [];
  const documents: ManifestDocument[] = [];
  for (const [index, document] of source.documents.entries()) {
    const place = { file: file.path, document: index + 1, field: undefined };
    const [error] = [...document.errors, ...document.warnings];
    const repeated = error === undefined ? repeatedKey(document) : undefined;
    const [code, at] = error === undefined ? (['DUPLICATE_KEY', repeated] as const) : ([error.code, error.pos[0]] as const);
    if (at !== undefined) {
      problems.push({
        ...place,
        line: source.lines.linePos(at).line,
        message: SYNTAX_PROBLEMS[code] ?? `the text is not valid YAML (${code})`,
        remedy: 'Correct the YAML at this line.',
      });
      continue;
    }
    const lineOf = lineFinder(document, source.lines);
    try {
      // Through JSON: an object that an anchor shares becomes two, so that defaults given to one do not appear in the other.
      const value: unknown = JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: MAX_ALIASES })) ?? 'null');
      if (value !== null) documents.push({ file: file.path, number: index + 1, value, lineOf });
    } catch {
      problems.push({
        ...place,
        line: lineOf([]),
        message: 'its aliases (*name) cannot be expanded',
        remedy: `Give each an anchor (&name) before it, none within its own anchor, and no more than ${MAX_ALIASES} expansions.`,
      });
    }
  }
  return problems.length > 0 ? { documents: [], problems } : { documents, problems };
};
