/**
 * Writes the names of a definition as they were judged: nothing that happens meanwhile can make them mean something else.
 */
import { notUnderstood } from '../../kernel/failure.ts';
import type { ResolvedUse } from '../policy/decision.ts';
import type { Edit } from '../policy/judgement.ts';
import type { Analysis } from '../sql/analysis.ts';
import type { Definition, WrittenName } from '../sql/definition.ts';
import { isWord, lastOfName, type Tokens, tokenAt } from '../sql/tokens.ts';
import { quoteIdentifier, quoteName } from './quote.ts';

/** IF NOT EXISTS of what is not there: whether it was made has to be certain. */
const withoutCondition = (tokens: Tokens, name: number): number => {
  const isCondition = isWord(tokens, name - 3, 'if') && isWord(tokens, name - 2, 'not') && isWord(tokens, name - 1, 'exists');
  return isCondition ? name - 3 : name;
};

/** Edits for a definition, sorted; those of its query come apart from these. */
export const rewriteDefinition = (
  analysis: Analysis,
  definition: Definition,
  uses: readonly ResolvedUse[],
  tokens: Tokens,
): readonly Edit[] => {
  const { rewritten } = definition;
  if (rewritten !== undefined) {
    const names = uses.map(({ object, schema, name }) => (object === 'Schema' ? quoteIdentifier(name) : quoteName(schema, name)));
    const first = tokenAfter(tokens, analysis.start);
    return [{ start: first, end: analysis.end, text: `${rewritten.before} ${names.join(', ')}${rewritten.behind}` }];
  }
  const edits: Edit[] = [];
  for (const { use, schema, name, exists } of uses) {
    if (use.location === undefined) continue;
    const token = tokenAt(tokens, use.location);
    if (token < 0) throw notUnderstood('the place of a name');
    const isMade = use.act === 'Make' && !exists && use.missingOk;
    const first = isMade ? withoutCondition(tokens, token) : token;
    edits.push({ start: tokens.starts[first]!, end: tokens.ends[lastOfName(tokens, token)]!, text: quoteName(schema, name) });
  }
  return edits.sort((a, b) => a.start - b.start);
};

/** Byte offset of the first token at or behind `start`. */
const tokenAfter = (tokens: Tokens, start: number): number => {
  for (let index = 0; index < tokens.count; index++) if (tokens.starts[index]! >= start) return tokens.starts[index]!;
  return start;
};

/** Names in the order in which a definition has them, for the proof that the text that is sent has them too. */
export const definedNames = (definition: Definition, uses: readonly ResolvedUse[]): readonly string[] =>
  uses.map(({ use, object, schema, name }) => {
    const isWritten = use.location !== undefined || (definition.rewritten !== undefined && object !== 'Schema');
    return writtenName(isWritten ? { schema, name } : use.name);
  });

/** A name as it stands in a text. */
export const writtenName = ({ schema, name }: WrittenName): string => JSON.stringify([schema ?? '', name]);
