/**
 * What is decided of a statement over the small catalog, without a server.
 */
import { decide } from '../../proxy/policy/decide.ts';
import type { Decision, DecisionContext } from '../../proxy/policy/decision.ts';
import { analyze } from '../../proxy/sql/analyze.ts';
import { Grammar } from '../../proxy/sql/grammar.ts';
import { contextOf } from './small-catalog.ts';

const grammar = new Grammar(18);
await grammar.load();

/** Of the one statement. */
export const decisionOf = (sql: string, context: DecisionContext = contextOf()): Decision =>
  decide(analyze(grammar.parse(sql)[0]!, Buffer.from(sql)), context);

/** Its reasons as `SQLSTATE code: message`. */
export const reasonsOf = (sql: string, context?: DecisionContext): readonly string[] =>
  decisionOf(sql, context).reasons.map(({ failure }) => `${failure.fields.sqlstate} ${failure.fields.code}: ${failure.message}`);
