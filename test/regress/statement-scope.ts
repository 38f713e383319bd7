/**
 * What the comparison is about: reading and writing rows, and what a session needs for it. The rest of the suite is set-up.
 */
import { LISTABLE, SETTABLE } from '../../proxy/catalog/builtin/setting-names.ts';
import type { Grammar } from '../../proxy/sql/grammar.ts';
import { stringOf, type Tree } from '../../proxy/sql/tree.ts';

/** `Compared`: sent as a client sends it. `SetUp`: run in the server session, on both sides. `NotRun`: on neither. */
export type Scope = 'Compared' | 'SetUp' | 'NotRun';

const COMPARED = new Set(
  `SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt PrepareStmt ExecuteStmt DeallocateStmt DeclareCursorStmt FetchStmt ClosePortalStmt
  VariableShowStmt`.split(/\s+/),
);

const TWO_PHASE = new Set(['TRANS_STMT_PREPARE', 'TRANS_STMT_COMMIT_PREPARED', 'TRANS_STMT_ROLLBACK_PREPARED']);

/** What a proxy that reads SQL cannot do without: its users cannot either. */
const PINNED = new Set(['standard_conforming_strings', 'client_encoding']);

const scopeOfNode = (tag: string, node: Tree): Scope => {
  const inner = node.query as Record<string, Tree> | undefined;
  const [innerTag, innerNode] = Object.entries(inner ?? {})[0] ?? [];
  if (tag === 'SelectStmt' && node.intoClause !== undefined) return 'SetUp';
  if (COMPARED.has(tag)) return innerTag === undefined || innerNode === undefined ? 'Compared' : scopeOfNode(innerTag, innerNode);
  switch (tag) {
    case 'ExplainStmt':
      return innerTag === undefined || innerNode === undefined ? 'SetUp' : scopeOfNode(innerTag, innerNode);
    case 'CopyStmt':
      return node.filename === undefined && node.is_program !== true ? 'Compared' : 'SetUp';
    case 'TransactionStmt':
      return TWO_PHASE.has(String(node.kind)) ? 'SetUp' : 'Compared';
    case 'VariableSetStmt':
      return scopeOfSetting(String(node.kind), (stringOf(node.name) ?? '').toLowerCase());
    default:
      return 'SetUp';
  }
};

const scopeOfSetting = (kind: string, name: string): Scope => {
  if (PINNED.has(name)) return 'NotRun';
  if (kind === 'VAR_RESET_ALL' || kind === 'VAR_SET_MULTI')
    return name === 'session characteristics' || kind === 'VAR_RESET_ALL' || name === 'transaction' ? 'Compared' : 'SetUp';
  return SETTABLE.has(name) || LISTABLE.has(name) ? 'Compared' : 'SetUp';
};

/** A text that does not parse is compared: for its error. `grammar` is loaded. */
export const scopeOf = (text: string, grammar: Grammar): { readonly scope: Scope; readonly kinds: readonly string[] } => {
  try {
    const nodes = grammar.parse(text).flatMap(({ node }) => Object.entries(node) as [string, Tree][]);
    const scopes = nodes.map(([tag, node]) => scopeOfNode(tag, node));
    const scope = scopes.includes('NotRun') ? 'NotRun' : scopes.includes('SetUp') ? 'SetUp' : 'Compared';
    return { scope, kinds: nodes.map(([tag]) => tag) };
  } catch {
    return { scope: 'Compared', kinds: [] };
  }
};
