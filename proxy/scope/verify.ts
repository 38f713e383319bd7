/**
 * Proof after the fact: the text that will be sent is parsed again, and each relation that it names has to be one that we wrote.
 */
import { relationKey } from '../catalog/catalog.ts';
import { analyze } from '../sql/analyze.ts';
import type { Grammar } from '../sql/grammar.ts';
import type { Edit } from '../policy/judgement.ts';
import { editOffsets } from './apply-edits.ts';
import type { Anchor } from './rewrite.ts';

/**
 * What is wrong with the rewritten text, or undefined.
 * Every relation in it that is not a CTE must stand exactly where an edit put a qualified name, and none may be missing.
 */
export const verifyRewritten = (text: string, edits: readonly Edit[], anchors: readonly Anchor[], kinds: readonly string[], grammar: Grammar): string | undefined => {
  const bytes = Buffer.from(text, 'utf8');
  const parsed = grammar.parse(text);
  const analyses = parsed.map((statement) => analyze(statement, bytes));
  if (analyses.map((analysis) => analysis.kind).join() !== kinds.join()) return 'the statements are not the same ones';
  const offsets = editOffsets(edits);
  const expected = new Map<number, string>();
  for (const anchor of anchors) expected.set((offsets.get(anchor.edit) ?? -1) + anchor.offset, relationKey(anchor.schema, anchor.name));
  let found = 0;
  for (const { relations } of analyses) {
    for (const reference of relations) {
      const key = relationKey(reference.schema ?? '', reference.name);
      if (reference.database !== undefined || expected.get(reference.location) !== key) return `relation "${reference.name}" is not one of ours`;
      found++;
    }
  }
  return found === expected.size ? undefined : 'a relation is missing';
};
