import { ByteReader, type Malformed } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/** CommandComplete's tag, such as `SELECT 5` or `COMMIT`. */
export const decodeCommandComplete = (body: Buffer, malformed: Malformed): string => {
  const reader = new ByteReader(body, malformed);
  const tag = reader.lenientString();
  reader.end();
  return tag;
};

export const encodeCommandComplete = (tag: string): Buffer => new ByteWriter().string(tag).message('C');

/** Answers that are only their type. */
export const encodeParseComplete = (): Buffer => new ByteWriter().message('1');
export const encodeBindComplete = (): Buffer => new ByteWriter().message('2');
export const encodeCloseComplete = (): Buffer => new ByteWriter().message('3');
export const encodeEmptyQueryResponse = (): Buffer => new ByteWriter().message('I');
