/**
 * What of CONTEXT an agent is told: where an error or notice arose, in lines that hold names and numbers. Texts of statements are left out,
 * which are parts of bodies of functions, and so are values.
 */

const IDENTIFIER = String.raw`(?:[\w$\u0080-\uffff]+|"(?:[^"\n]|"")*")`;

/** As `format_procedure` writes it: types may have blanks, schemas, dimensions. */
const SIGNATURE = String.raw`(?:${IDENTIFIER}\.)?${IDENTIFIER}(?:\((?:[\w$ .,[\]\u0080-\uffff]|"(?:[^"\n]|"")*")*\))?`;

/** Where in a function of PL/pgSQL: `plpgsql_exec_error_callback` of pl_exec.c. */
const PLACES = String.raw`(?: line \d+)? (?:at [A-Za-z ]+|during [a-z ]+|while [a-z' ]+)`;

/**
 * INVARIANT: lines are taken from the last up to the first that is none of these. Texts of statements end in a quotation mark, which none of
 * these does, so that nothing in a text, whatever it holds, is taken for a line.
 */
const FRAME = new RegExp(
  [
    String.raw`^PL/pgSQL function ${SIGNATURE}(?:${PLACES})?$`,
    String.raw`^compilation of PL/pgSQL function ${IDENTIFIER} near line \d+$`,
    String.raw`^SQL function ${IDENTIFIER} (?:statement \d+|during (?:startup|inlining))$`,
    '^parallel worker$',
  ].join('|'),
);

/** A line of COPY FROM STDIN, which the agent has sent itself; the relation stands unquoted. */
const COPIED = new RegExp(String.raw`^COPY [^\n,"]+(?:, line \d+(?<column>, column [^\n,"]+?)?(?:: (?:null input|"[^\n]*"))?)?$`);

/** A value that was no JSON, or no name of a type. */
const VALUE = /^(?:JSON data, line \d+: [^\n]*|invalid type name "[^\n]*")$/;

export type ContextOf = {
  /** Functions and triggers met nothing that is hidden: which line of them was reached does not tell of that. */
  readonly frames: boolean;
  /** The statement is COPY FROM STDIN: the outermost line is the agent's own. */
  readonly copies: boolean;
  /** The policy shows everything there is, and so each value that an expression of the agent's meets. */
  readonly hidesNothing: boolean;
};

/** The lines that may be told; undefined where there are none. */
export const contextForAgent = (context: string | undefined, { frames, copies, hidesNothing }: ContextOf): string | undefined => {
  if (context === undefined) return undefined;
  if (hidesNothing && VALUE.test(context)) return context;
  const lines = context.split('\n');
  const isTold = (line: string, index: number): boolean =>
    (frames && FRAME.test(line)) || (copies && index === lines.length - 1 && COPIED.test(line));
  const hidden = lines.findLastIndex((line, index) => !isTold(line, index));
  return hidden === lines.length - 1 ? undefined : lines.slice(hidden + 1).join('\n');
};

/**
 * Did it arise where PostgreSQL reads a line of COPY, or one of its values, and in nothing that a trigger, constraint or default does?
 * INVARIANT: no relation of the statement has a name that reads like more than a name.
 */
export const isOfCopiedLine = (context: string | undefined, file: string | undefined, relations: readonly string[]): boolean => {
  if (context === undefined || relations.some((name) => /[,"\n]/.test(name))) return false;
  const line = COPIED.exec(context);
  return line !== null && (line.groups?.['column'] !== undefined || file === 'copyfromparse.c');
};
