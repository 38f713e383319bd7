import { protocolViolation } from '../../kernel/failure.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/** Execute: runs a portal, or goes on with it. */
export type Execute = {
  readonly type: 'Execute';
  readonly portal: string;
  /** 0 and less: all rows. */
  readonly maxRows: number;
};

export const decodeExecute = (body: Buffer): Execute => {
  const reader = new ByteReader(body, protocolViolation);
  const portal = reader.string();
  const maxRows = reader.int32();
  reader.end();
  return { type: 'Execute', portal, maxRows };
};

export const encodeExecute = (portal: string, maxRows: number): Buffer => new ByteWriter().string(portal).int32(maxRows).message('E');
