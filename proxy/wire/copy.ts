import { protocolViolation } from '../../kernel/failure.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/** CopyData: bytes of a COPY, without any relation to rows. */
export type CopyData = { readonly type: 'CopyData'; readonly data: Buffer };

/** CopyFail: the client gives up, and says why. */
export type CopyFail = { readonly type: 'CopyFail'; readonly message: string };

export const decodeCopyFail = (body: Buffer): CopyFail => {
  const reader = new ByteReader(body, protocolViolation);
  const message = reader.string();
  reader.end();
  return { type: 'CopyFail', message };
};

export const encodeCopyData = (data: Buffer): Buffer => new ByteWriter().bytes(data).message('d');

export const encodeCopyFail = (message: string): Buffer => new ByteWriter().string(message).message('f');
