import type { Edit } from '../policy/judgement.ts';

/**
 * Maps the position of an error from the text that was sent to the agent's own: both 1-based and in characters (code points),
 * as in field `P`. A place inside what was put in maps to where the replaced text began.
 */
export const agentPosition = (position: number, sent: string, edits: readonly Edit[], agent: Buffer): number => {
  if (edits.length === 0) {
    return position;
  }
  return characterPosition(agent, agentOffset(byteOffset(sent, position), edits));
};

/** Bytes of UTF-8 before the character at the position. */
export const byteOffset = (text: string, position: number): number => {
  let bytes = 0;
  let at = 1;
  for (const character of text) {
    if (at === position) {
      break;
    }
    bytes += Buffer.byteLength(character);
    at += 1;
  }
  return bytes;
};

/** The byte of the agent's text that a byte of the sent one stands for. */
const agentOffset = (offset: number, edits: readonly Edit[]): number => {
  let shift = 0;
  for (const edit of edits) {
    const length = Buffer.byteLength(edit.text);
    if (offset < edit.start + shift) {
      break;
    }
    if (offset < edit.start + shift + length) {
      return edit.start;
    }
    shift += length - (edit.end - edit.start);
  }
  return offset - shift;
};

const characterPosition = (text: Buffer, offset: number): number => {
  let position = 1;
  for (let index = 0; index < offset && index < text.length; index += 1) {
    // A byte 10xxxxxx goes on with a character that has been counted.
    position += ((text[index] as number) & 0xc0) === 0x80 ? 0 : 1;
  }
  return position;
};
