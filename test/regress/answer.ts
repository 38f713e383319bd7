/**
 * What a client sees of one statement, in a form that compares and prints.
 */
import { type RawFrame, responseFields, rowValues } from '../support/raw-client.ts';

export type AnswerColumn = { readonly name: string; readonly type: number; readonly modifier: number; readonly origin: string };

export type Fields = Readonly<Record<string, string>>;

export type Answer = {
  /** Result sets in order: of a text of several statements there are several. */
  readonly columns: readonly (readonly AnswerColumn[])[];
  /** Rows and data of COPY as they came. */
  readonly rows: readonly string[];
  readonly tags: readonly string[];
  readonly error: Fields | undefined;
  /** The error is PostgreSQL's own: it names the place in its source. */
  readonly ofServer: boolean;
  readonly notices: readonly Fields[];
  /** Parameters that changed and notifications. */
  readonly said: readonly string[];
  /** `I`, `T` or `E`; `dead` when the session ended, `hung` when nothing came. */
  readonly status: string;
};

/** File, line and function of PostgreSQL's source are its own business. */
const PRIVATE_FIELDS = new Set(['F', 'L', 'R', 'V']);

const fieldsOf = (frame: RawFrame): Fields =>
  Object.fromEntries(Object.entries(responseFields(frame)).filter(([letter]) => !PRIVATE_FIELDS.has(letter)));

const columnsOf = ({ body }: RawFrame): readonly AnswerColumn[] => {
  let offset = 2;
  return Array.from({ length: body.readUInt16BE(0) }, () => {
    const end = body.indexOf(0, offset);
    const name = body.toString('utf8', offset, end);
    const origin = `${body.readUInt32BE(end + 1)}.${body.readInt16BE(end + 5)}`;
    const column = { name, type: body.readUInt32BE(end + 7), modifier: body.readInt32BE(end + 13), origin };
    offset = end + 19;
    return column;
  });
};

/** `status` where the frames do not end in ReadyForQuery. */
export const answerOf = (frames: readonly RawFrame[], status: string): Answer => {
  const of = (type: string): readonly RawFrame[] => frames.filter((frame) => frame.type === type);
  const text = (type: string): readonly string[] => of(type).map(({ body }) => body.toString('utf8').replaceAll('\0', ' ').trim());
  const error = of('E').at(-1);
  const last = frames.at(-1);
  return {
    columns: of('T').map(columnsOf),
    rows: frames.flatMap((frame) =>
      frame.type === 'D'
        ? [JSON.stringify(rowValues(frame).map((value) => value?.toString('utf8') ?? null))]
        : frame.type === 'd'
          ? [frame.body.toString('utf8')]
          : [],
    ),
    tags: [...text('C'), ...of('I').map(() => '')],
    error: error && fieldsOf(error),
    ofServer: error !== undefined && 'R' in responseFields(error),
    notices: of('N').map(fieldsOf),
    said: [...text('S'), ...of('A').map(({ body }) => body.toString('utf8', 4).replaceAll('\0', ' '))],
    status: last?.type === 'Z' ? last.body.toString('latin1') : status,
  };
};
