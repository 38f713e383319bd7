/**
 * Puts edits into a text, and tells where they ended up.
 */
import type { Edit } from '../policy/judgement.ts';

/** The text with its edits; edits are sorted and do not overlap. */
export const applyEdits = (bytes: Buffer, edits: readonly Edit[]): string => {
  if (edits.length === 0) return bytes.toString('utf8');
  const parts: Buffer[] = [];
  let from = 0;
  for (const edit of edits) {
    parts.push(bytes.subarray(from, edit.start), Buffer.from(edit.text, 'utf8'));
    from = edit.end;
  }
  parts.push(bytes.subarray(from));
  return Buffer.concat(parts).toString('utf8');
};

/** Byte offset in the resulting text at which each edit's text begins. */
export const editOffsets = (edits: readonly Edit[]): ReadonlyMap<Edit, number> => {
  const offsets = new Map<Edit, number>();
  let shift = 0;
  for (const edit of edits) {
    offsets.set(edit, edit.start + shift);
    shift += Buffer.byteLength(edit.text) - (edit.end - edit.start);
  }
  return offsets;
};
