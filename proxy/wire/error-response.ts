import type { FailureFields } from '../../kernel/failure.ts';
import { ByteReader, type Malformed } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/**
 * Fields of an ErrorResponse or NoticeResponse by their letter, in the order of the message: `S` severity, `V` severity
 * not translated, `C` SQLSTATE (a hostile or old server may leave it out), `M` message, `D` detail, `H` hint, `P` position,
 * `p` and `q` internal position and query, `W` context, `s` `t` `c` `d` `n` schema, table, column, type, constraint,
 * `F` `L` `R` the place in the server's source.
 */
export type ResponseFields = ReadonlyMap<string, string>;

export const decodeResponseFields = (body: Buffer, malformed: Malformed): ResponseFields => {
  const reader = new ByteReader(body, malformed);
  const fields = new Map<string, string>();
  for (;;) {
    const letter = reader.uint8();
    if (letter === 0) {
      break;
    }
    fields.set(String.fromCharCode(letter), reader.lenientString());
  }
  reader.end();
  return fields;
};

const encodeFields = (type: 'E' | 'N', fields: ResponseFields): Buffer => {
  const writer = new ByteWriter();
  for (const [letter, value] of fields) {
    writer.uint8(letter.charCodeAt(0)).string(value);
  }
  return writer.uint8(0).message(type);
};

export const encodeErrorResponse = (fields: ResponseFields): Buffer => encodeFields('E', fields);

export const encodeNoticeResponse = (fields: ResponseFields): Buffer => encodeFields('N', fields);

/** Fields without those of the letters given. */
export const withoutFields = (fields: ResponseFields, letters: string): ResponseFields =>
  new Map([...fields].filter(([letter]) => !letters.includes(letter)));

/** Fields with those given in place of, or behind, the ones there are. */
export const withFields = (fields: ResponseFields, replaced: Readonly<Record<string, string>>): ResponseFields =>
  new Map([...fields, ...Object.entries(replaced)]);

/** The fields by which a failure of ours is told to the client. A NUL in a text that quotes the agent is written as U+FFFD. */
export const failureResponseFields = (failure: FailureFields): ResponseFields => {
  const fields = new Map([
    ['S', failure.severity],
    ['V', failure.severity],
    ['C', failure.sqlstate],
    ['M', printable(failure.message)],
  ]);
  const optional = { D: failure.detail, H: failure.hint, P: failure.position?.toString() };
  for (const [letter, value] of Object.entries(optional)) {
    if (value !== undefined) {
      fields.set(letter, printable(value));
    }
  }
  return fields;
};

const printable = (text: string): string => text.replaceAll('\0', '\uFFFD');

/** ErrorResponse for a failure of ours. */
export const encodeFailure = (failure: FailureFields): Buffer => encodeErrorResponse(failureResponseFields(failure));
