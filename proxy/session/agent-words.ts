import type { Edit } from '../policy/judgement.ts';

const SCHEMA = /^"((?:[^"]|"")+)"\.$/;
const RELATION = /^"((?:[^"]|"")+)"\."((?:[^"]|"")+)"/;
const NAME = /^(?:"((?:[^"]|"")+)"|[\p{L}\p{N}_$]+)/u;

const foldedName = (text: string): string | undefined => {
  const match = NAME.exec(text);
  if (match === null) return undefined;
  return match[1]?.replaceAll('""', '"') ?? match[0].replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
};

/**
 * The message with the name of a function or relation as the agent wrote it, where its schema was put in. `sent`: byte of the sent text that
 * the message is about.
 */
export const inAgentWords = (message: string, sent: number, edits: readonly Edit[], agent: Buffer): string => {
  let shift = 0;
  for (const { start, end, text } of edits) {
    if (start + shift > sent) break;
    const schema = start + shift === sent && start === end ? SCHEMA.exec(text)?.[1]?.replaceAll('""', '"') : undefined;
    const name = schema === undefined ? undefined : foldedName(agent.toString('utf8', start, start + 300));
    if (name !== undefined) return unqualified(message, `${schema}.${name}`, name);
    const relation = start + shift === sent && start !== end ? RELATION.exec(text) : null;
    if (relation !== null && !agent.subarray(start, end).includes('.')) {
      const [, within = '', own = ''] = relation.map((part) => part.replaceAll('""', '"'));
      return message === `relation "${within}.${own}" does not exist` ? `relation "${own}" does not exist` : message;
    }
    shift += Buffer.byteLength(text) - (end - start);
  }
  return message;
};

/** Only as a whole name, and only where it stands once: what is certain. */
const unqualified = (message: string, qualified: string, name: string): string => {
  const at = message.indexOf(qualified);
  const isName = at >= 0 && message.indexOf(qualified, at + 1) < 0 && (at === 0 || message[at - 1] === ' ');
  const end = message[at + qualified.length];
  return isName && (end === '(' || end === ' ') ? message.slice(0, at) + name + message.slice(at + qualified.length) : message;
};
