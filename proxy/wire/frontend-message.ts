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

const bare = (type: Bare['type']): ((body: Buffer) => Bare) => {
  const message: Bare = { type };
  return (body) => {
    if (body.length > 0) {
      new ByteReader(body, protocolViolation).end();
    }
    return message;
  };
};

const DECODERS: ReadonlyMap<number, (body: Buffer) => FrontendMessage> = new Map<number, (body: Buffer) => FrontendMessage>([
  [FRONTEND.bind, decodeBind],
  [FRONTEND.close, (body) => decodeDescribeOrClose('Close', body)],
  [FRONTEND.copyData, (data) => ({ type: 'CopyData', data })],
  [FRONTEND.copyDone, bare('CopyDone')],
  [FRONTEND.copyFail, decodeCopyFail],
  [FRONTEND.describe, (body) => decodeDescribeOrClose('Describe', body)],
  [FRONTEND.execute, decodeExecute],
  [FRONTEND.flush, bare('Flush')],
  [FRONTEND.functionCall, () => ({ type: 'FunctionCall' })],
  [FRONTEND.parse, decodeParse],
  [FRONTEND.password, (body) => ({ type: 'Password', body })],
  [FRONTEND.query, decodeQuery],
  [FRONTEND.sync, bare('Sync')],
  [FRONTEND.terminate, bare('Terminate')],
]);

/** Decodes a frame of the client. Throws `Failure` (protocol violation) for a malformed body. */
export const decodeFrontend = (frame: Pick<Frame, 'type' | 'body'>): FrontendMessage => {
  const decode = DECODERS.get(frame.type);
  if (decode === undefined) {
    throw protocolViolation(`invalid frontend message type ${frame.type}`);
  }
  return decode(frame.body);
};

/** Sync, Flush, Terminate, CopyDone. */
export const encodeSync = (): Buffer => new ByteWriter().message('S');
export const encodeFlush = (): Buffer => new ByteWriter().message('H');
export const encodeTerminate = (): Buffer => new ByteWriter().message('X');
export const encodeCopyDone = (): Buffer => new ByteWriter().message('c');
