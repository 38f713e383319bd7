import { protocolViolation } from '../../kernel/failure.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/** Parse: prepares one statement. */
export type Parse = {
  readonly type: 'Parse';
  /** `''` is the unnamed statement. */
  readonly name: string;
  /** The text as it came, without the closing NUL; not yet known to be UTF-8. */
  readonly sql: Buffer;
  /** Type oids as far as the client gives them; 0 leaves one to the server. */
  readonly parameterTypes: readonly number[];
};

export const decodeParse = (body: Buffer): Parse => {
  const reader = new ByteReader(body, protocolViolation);
  const name = reader.string();
  const sql = reader.rawString();
  const parameterTypes: number[] = [];
  for (let left = reader.uint16(); left > 0; left -= 1) {
    parameterTypes.push(reader.uint32());
  }
  reader.end();
  return { type: 'Parse', name, sql, parameterTypes };
};

export const encodeParse = (name: string, sql: Buffer | string, parameterTypes: readonly number[] = []): Buffer => {
  const writer = new ByteWriter().string(name).string(sql).uint16(parameterTypes.length);
  for (const oid of parameterTypes) {
    writer.uint32(oid);
  }
  return writer.message('P');
};
