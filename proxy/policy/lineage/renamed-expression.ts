/**
 * A policy author's expression over the columns of a relation, as one over the columns of a view that shows them under other names.
 */
import { Failure } from '../../../kernel/failure.ts';
import { quoteIdentifier } from '../../scope/quote.ts';
import { analyze } from '../../sql/analyze.ts';
import type { Grammar } from '../../sql/grammar.ts';
import { lastOfPart, readTokens, tokenAt } from '../../sql/tokens.ts';

const PREFIX = 'SELECT ';

export type Renamed = { readonly sql: string; readonly columns: readonly string[] };

/** Undefined where a column has no name there, or the expression cannot be read. `grammar` is loaded. */
export const renamedExpression = (text: string, names: (column: string) => string | undefined, grammar: Grammar): Renamed | undefined => {
  const statement = `${PREFIX}(${text}\n)`;
  const bytes = Buffer.from(statement);
  try {
    const [parsed, more] = grammar.parse(statement);
    if (parsed === undefined || more !== undefined) return undefined;
    const tokens = readTokens(bytes);
    const parts: Buffer[] = [];
    const columns: string[] = [];
    let from = PREFIX.length;
    for (const use of [...analyze(parsed, bytes).columns].sort((a, b) => a.location - b.location)) {
      const [column] = use.fields;
      const name = column === undefined || use.fields.length !== 1 || use.star ? undefined : names(column);
      const token = tokenAt(tokens, use.location);
      if (name === undefined || column === undefined || token < 0) return undefined;
      columns.push(column);
      parts.push(bytes.subarray(from, tokens.starts[token]), Buffer.from(quoteIdentifier(name)));
      from = tokens.ends[lastOfPart(tokens, token)]!;
    }
    // Without the parenthesis that the next reader puts around it.
    parts.push(bytes.subarray(from));
    return { sql: Buffer.concat(parts).toString('utf8').slice(1, -1).trim(), columns };
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
};
