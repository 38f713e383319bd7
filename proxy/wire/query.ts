import { protocolViolation } from '../../kernel/failure.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/** Query: one or more statements by the simple protocol. */
export type Query = {
  readonly type: 'Query';
  /** The text as it came, without the closing NUL; not yet known to be UTF-8. */
  readonly sql: Buffer;
};

/** A NUL before the end is malformed, as for PostgreSQL: what follows it would be seen by one reader and not by another. */
export const decodeQuery = (body: Buffer): Query => {
  const reader = new ByteReader(body, protocolViolation);
  const sql = reader.rawString();
  reader.end();
  return { type: 'Query', sql };
};

export const encodeQuery = (sql: Buffer | string): Buffer => new ByteWriter().string(sql).message('Q');
