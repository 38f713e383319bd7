/**
 * Rules about how many rows the planner expects: what is asked of it for a statement, and what its answer means.
 */
import type { Failure } from '../../kernel/failure.ts';
import { approvalRequired, ruleRefused } from '../../kernel/policy-failure.ts';
import type { Estimable, RowEstimate } from '../catalog/row-estimator.ts';
import type { Reason } from '../policy/decision.ts';
import type { Estimate } from '../policy/rules/rules.ts';
import { applyEdits } from '../scope/apply-edits.ts';
import type { Edit } from '../policy/judgement.ts';
import type { Analysis } from '../sql/analysis.ts';
import type { Grammar } from '../sql/grammar.ts';
import { type Tree, treeOf } from '../sql/tree.ts';
import { readTokens, TOKEN, type Tokens } from '../sql/tokens.ts';

/** A statement about which rules ask the planner, as it is sent. */
export type Estimated = {
  readonly estimates: readonly Estimate[];
  readonly analysis: Analysis;
  /** As it was parsed. */
  readonly tree: Tree;
  readonly searchPath: readonly string[];
};

/** What the rules say once the planner has answered. */
type EstimateVerdict = { readonly refusals: readonly Failure[]; readonly rules: readonly string[] };

const refusedBy = ({ rule, policy, action }: Estimate, fact: string, hint: string): Failure =>
  action === 'RequireApproval' ? approvalRequired(rule, policy, fact) : ruleRefused(rule, policy, fact, hint);

const verdictOf = (over: readonly Estimate[], fact: (estimate: Estimate) => string, hint: string): EstimateVerdict => ({
  refusals: over.filter(({ action }) => action !== 'Audit').map((estimate) => refusedBy(estimate, fact(estimate), hint)),
  rules: over.map(({ rule }) => rule),
});

const rowsOver = ({ fact, over }: Estimate): string =>
  `${fact === '' ? '' : `${fact} `}The planner expects it to handle more than ${over} ${over === 1 ? 'row' : 'rows'}.`;

/** The part of the sent text that is this statement. */
const sentOf = ({ start, end }: Analysis, bytes: Buffer, edits: readonly Edit[]): string =>
  applyEdits(
    bytes.subarray(start, end),
    edits
      .filter((edit) => edit.start >= start && edit.end <= end)
      .map((edit) => ({ start: edit.start - start, end: edit.end - start, text: edit.text })),
  );

/** How many rows a LIMIT is taken for that is a parameter: the planner itself takes it for a tenth of all there are. */
const PARAMETER_LIMIT = 1000;

/**
 * Has a parameter that limits what the client gets planned as a small figure. Of the statement's own LIMIT alone: what it lets pass is
 * returned, and counted there, whereas one within the statement would hide work.
 */
const limitEdits = (tree: Tree, bytes: Buffer): readonly Edit[] => {
  const limit = treeOf(treeOf(tree.SelectStmt).limitCount);
  const { location, number } = treeOf(treeOf(treeOf(limit.TypeCast).arg ?? limit).ParamRef);
  if (typeof number !== 'number' || typeof location !== 'number') return [];
  const parameter = `$${number}`;
  const end = location + parameter.length;
  if (bytes.toString('latin1', location, end) !== parameter) return [];
  return [{ start: location, end, text: `(CASE WHEN true THEN ${PARAMETER_LIMIT} ELSE ${parameter} END)` }];
};

const textAt = ({ bytes, starts, ends }: Tokens, index: number): string =>
  bytes.toString('utf8', starts[index] ?? bytes.length, ends[index] ?? bytes.length);

/** The query that COPY ... TO runs. */
const copiedQuery = (sql: string): string => {
  const tokens = readTokens(Buffer.from(sql));
  const isQuery = textAt(tokens, 1) === '(';
  let depth = 0;
  for (let index = 1; index < tokens.count; index++) {
    const text = tokens.kinds[index] === TOKEN.punctuation || tokens.kinds[index] === TOKEN.word ? textAt(tokens, index) : '';
    if (text === '(') depth += 1;
    if (text === ')') depth -= 1;
    const from = tokens.starts[1] ?? 0;
    if (isQuery && depth === 0) return tokens.bytes.toString('utf8', from + 1, tokens.starts[index]);
    if (!isQuery && (text === '(' || text.toLowerCase() === 'to'))
      return `TABLE ONLY ${tokens.bytes.toString('utf8', from, tokens.starts[index])}`;
  }
  return sql;
};

/** The query of DECLARE ... CURSOR FOR: EXPLAIN would take it whole, but not its parameters. */
const declaredQuery = (sql: string): string => {
  const tokens = readTokens(Buffer.from(sql));
  for (let index = 0; index < tokens.count; index++) {
    // A reserved word: it names nothing before.
    if (tokens.kinds[index] === TOKEN.word && textAt(tokens, index).toLowerCase() === 'for') {
      return tokens.bytes.toString('utf8', tokens.ends[index]);
    }
  }
  return sql;
};

/** What the planner is asked for a statement; undefined: nothing, since it plans none. */
const estimableOf = (analysis: Analysis, sql: string, searchPath: readonly string[]): Estimable | undefined => {
  switch (analysis.form.type) {
    case 'Query':
      return { type: 'Query', sql, searchPath };
    case 'Definition':
      return analysis.kind === 'CreateTableAs' ? { type: 'Explainable', sql, searchPath } : undefined;
    case 'Prepare':
      return { type: 'Prepare', sql, searchPath };
    case 'Declare':
      return { type: 'Query', sql: declaredQuery(sql), searchPath };
    case 'CopyOut':
      return { type: 'Query', sql: copiedQuery(sql), searchPath };
    default:
      return undefined;
  }
};

const FEWER = 'Add a narrower WHERE or a LIMIT, or join the relations by their keys.';

/** What asking takes. */
type Planner = {
  readonly grammar: Grammar;
  readonly estimate: (statement: Estimable) => Promise<RowEstimate>;
  readonly onFault: (error: unknown) => void;
};

/** INVARIANT: the planner is asked about one statement, whatever the text was cut from. */
const ask = async (statement: Estimable, { grammar, estimate, onFault }: Planner): Promise<RowEstimate> => {
  try {
    while (!grammar.ready) await grammar.load();
    return grammar.parse(statement.sql).length === 1 ? await estimate(statement) : { complaint: '' };
  } catch (error) {
    onFault(error);
    return { complaint: '' };
  }
};

/** Asks the planner about a statement of the text. `edits`: of the whole text. Where there is no answer, the rules refuse. */
const judgeEstimates = async (
  { analysis, estimates, searchPath, tree }: Estimated,
  { bytes, edits }: { readonly bytes: Buffer; readonly edits: readonly Edit[] },
  planner: Planner,
): Promise<EstimateVerdict> => {
  const { form } = analysis;
  if (form.type === 'Explain' && form.analyzed) {
    return verdictOf(estimates, () => 'EXPLAIN ANALYZE runs the statement, and its rows are not estimated.', 'Leave ANALYZE out.');
  }
  const planned = [...edits, ...limitEdits(tree, bytes)].toSorted((a, b) => a.start - b.start);
  const statement = estimableOf(analysis, sentOf(analysis, bytes, planned), searchPath);
  if (statement === undefined) return { refusals: [], rules: [] };
  const answer = await ask(statement, planner);
  if ('complaint' in answer) {
    const why = answer.complaint === '' ? '' : `: ${answer.complaint}`;
    const fact = `The planner could not say how many rows the statement handles${why}.`;
    return verdictOf(estimates, () => fact, 'Correct the statement, so that it can be planned.');
  }
  return verdictOf(
    estimates.filter(({ over }) => answer.rows > over),
    rowsOver,
    FEWER,
  );
};

/** What a judgement collects, as far as these rules add to it. */
type Collected = { readonly reasons: Reason[]; readonly rules: Set<string> };

/**
 * Asks the planner about all statements of a text that rules want to know of, and adds what they say. True: tables grow, so that the
 * same has to be asked again before long.
 */
export const applyEstimates = async (
  estimated: readonly Estimated[],
  text: { readonly bytes: Buffer; readonly edits: readonly Edit[] },
  planner: Planner,
  { reasons, rules }: Collected,
): Promise<boolean> => {
  for (const each of estimated) {
    const verdict = await judgeEstimates(each, text, planner);
    for (const failure of verdict.refusals) reasons.push({ failure, location: 0, auditable: true });
    for (const rule of verdict.rules) rules.add(rule);
  }
  return estimated.length > 0;
};
