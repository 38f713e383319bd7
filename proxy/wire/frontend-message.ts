import { protocolViolation } from '../../kernel/failure.ts';
import { type Bind, decodeBind } from './bind.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Frame } from './client-frames.ts';
import { type CopyData, type CopyFail, decodeCopyFail } from './copy.ts';
import { type DescribeOrClose, decodeDescribeOrClose } from './describe-close.ts';
import { decodeExecute, type Execute } from './execute.ts';
import { FRONTEND } from './message-type.ts';
import { decodeParse, type Parse } from './parse.ts';
import { decodeQuery, type Query } from './query.ts';

/** A message whose type says it all. */
type Bare = { readonly type: 'Sync' | 'Flush' | 'Terminate' | 'CopyDone' };

/** What a client sends once it is authenticated, and 'p' before that. */
export type FrontendMessage =
  | Query
  | Parse
  | Bind
  | DescribeOrClose
  | Execute
  | Bare
  | CopyData
  | CopyFail
  /** Only recognised: no function is ever called this way through us. */
  | { readonly type: 'FunctionCall' }
  /** PasswordMessage, SASLInitialResponse or SASLResponse: see `password.ts`. */
  | { readonly type: 'Password'; readonly body: Buffer };

const SYNC: Bare = { type: 'Sync' };
const FLUSH: Bare = { type: 'Flush' };
const TERMINATE: Bare = { type: 'Terminate' };
const COPY_DONE: Bare = { type: 'CopyDone' };

const bare = (frame: Frame, message: Bare): Bare => {
  if (!frame.bare) {
    new ByteReader(frame.body, protocolViolation).end();
  }
  return message;
};

/** Decodes a frame of the client. Throws `Failure` (protocol violation) for a malformed body. */
export const decodeFrontend = (frame: Frame): FrontendMessage => {
  switch (frame.type) {
    case FRONTEND.bind:
      return decodeBind(frame.body);
    case FRONTEND.close:
      return decodeDescribeOrClose('Close', frame.body);
    case FRONTEND.copyData:
      return { type: 'CopyData', data: frame.body };
    case FRONTEND.copyDone:
      return bare(frame, COPY_DONE);
    case FRONTEND.copyFail:
      return decodeCopyFail(frame.body);
    case FRONTEND.describe:
      return decodeDescribeOrClose('Describe', frame.body);
    case FRONTEND.execute:
      return decodeExecute(frame.body);
    case FRONTEND.flush:
      return bare(frame, FLUSH);
    case FRONTEND.functionCall:
      return { type: 'FunctionCall' };
    case FRONTEND.parse:
      return decodeParse(frame.body);
    case FRONTEND.password:
      return { type: 'Password', body: frame.body };
    case FRONTEND.query:
      return decodeQuery(frame.body);
    case FRONTEND.sync:
      return bare(frame, SYNC);
    case FRONTEND.terminate:
      return bare(frame, TERMINATE);
    default:
      throw protocolViolation(`invalid frontend message type ${frame.type}`);
  }
};

/** Sync, Flush, Terminate, CopyDone. */
export const encodeSync = (): Buffer => new ByteWriter().message('S');
export const encodeFlush = (): Buffer => new ByteWriter().message('H');
export const encodeTerminate = (): Buffer => new ByteWriter().message('X');
export const encodeCopyDone = (): Buffer => new ByteWriter().message('c');
