/**
 * The messages that need no audit receipt, because nothing in them is the agent's SQL.
 */
import { encodeCopyFail } from '../wire/copy.ts';
import { encodeClose, encodeDescribe } from '../wire/describe-close.ts';
import { encodeFlush, encodeSync, encodeTerminate } from '../wire/frontend-message.ts';
import { encodeParse } from '../wire/parse.ts';
import { encodeQuery } from '../wire/query.ts';

/**
 * INVARIANT: values, not bytes, so that no statement can be passed off as one of them. Only the name in Describe and Close is the
 * agent's, and the server only looks it up.
 */
export type ControlMessage =
  | { readonly type: 'Sync' }
  | { readonly type: 'Flush' }
  | { readonly type: 'Terminate' }
  /** Fails always, so that a refused statement leaves the transaction as a failed one would. Answer: ErrorResponse, ReadyForQuery. */
  | { readonly type: 'PoisonQuery' }
  /** The same within extended protocol. Answer: ErrorResponse; the server then discards everything up to Sync. */
  | { readonly type: 'PoisonParse' }
  /** Ends a COPY whose data does not come. Elsewhere the server ignores it. */
  | { readonly type: 'CopyFail' }
  | { readonly type: 'Describe' | 'Close'; readonly target: 'Statement' | 'Portal'; readonly name: string };

/** No SQL, and a text that explains itself in the server's log. */
const POISON = 'refused by pg-airlock: this is not a statement, and fails on purpose';

/** With a name of its own it does not drop the unnamed statement, as a Parse without a name would even when it fails. */
const POISON_NAME = 'pg-airlock refused';

const FIXED = {
  Sync: encodeSync(),
  Flush: encodeFlush(),
  Terminate: encodeTerminate(),
  CopyFail: encodeCopyFail('stopped by pg-airlock'),
  PoisonQuery: encodeQuery(POISON),
  PoisonParse: encodeParse(POISON_NAME, POISON),
} as const;

/** The bytes of a control message. */
export const encodeControl = (message: ControlMessage): Buffer => {
  switch (message.type) {
    case 'Describe':
      return encodeDescribe(message.target, message.name);
    case 'Close':
      return encodeClose(message.target, message.name);
    default:
      return FIXED[message.type];
  }
};
