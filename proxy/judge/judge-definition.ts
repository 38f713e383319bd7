/**
 * What judging a definition needs beyond what every statement does: its names written out, and what its errors may tell.
 */
import { notUnderstood } from '../../kernel/failure.ts';
import type { Decision, ResolvedUse } from '../policy/decision.ts';
import type { Edit } from '../policy/judgement.ts';
import { definedNames, rewriteDefinition } from '../scope/rewrite-definition.ts';
import type { Analysis } from '../sql/analysis.ts';
import type { Tokens } from '../sql/tokens.ts';

export type NamedDefinition = { readonly names: readonly string[]; readonly edits: readonly Edit[] };

/** Edits that write the names of a definition as they were judged, and these names in order; none for other statements. */
export const nameDefinition = (analysis: Analysis, { definition }: Decision, tokens: Tokens): NamedDefinition =>
  definition === undefined
    ? { names: [], edits: [] }
    : {
        names: definedNames(definition.definition, definition.uses),
        edits: rewriteDefinition(analysis, definition.definition, definition.uses, tokens),
      };

/** Two lists of edits as one, sorted. @throws Failure where they overlap. */
export const mergedEdits = (ours: readonly Edit[], more: readonly Edit[]): readonly Edit[] => {
  if (more.length === 0) return ours;
  const edits = [...ours, ...more].sort((a, b) => a.start - b.start || a.end - b.end);
  let end = 0;
  for (const edit of edits) {
    if (edit.start < end) throw notUnderstood('this combination of clauses');
    end = edit.end;
  }
  return edits;
};

/** Could an error print values of rows that the agent does not see? */
export const mayTell = ({ use, relation }: ResolvedUse): boolean =>
  relation !== undefined && relation.own !== true && (use.act === 'Maintain' || use.act === 'Extend');
