import { type Authentication, decodeAuthentication } from './authentication.ts';
import type { Malformed } from './byte-reader.ts';
import { decodeCommandComplete } from './completion.ts';
import { decodeResponseFields, type ResponseFields } from './error-response.ts';
import { BACKEND } from './message-type.ts';
import {
  type BackendKeyData,
  decodeBackendKeyData,
  decodeNegotiateProtocolVersion,
  decodeParameterStatus,
  decodeReadyForQuery,
  type NegotiateProtocolVersion,
  type ParameterStatus,
  type TransactionStatus,
} from './server-status.ts';

/** A message whose content is the client's business. */
type Recognised =
  | 'BindComplete'
  | 'CloseComplete'
  | 'CopyBothResponse'
  | 'CopyDone'
  | 'CopyInResponse'
  | 'CopyOutResponse'
  | 'EmptyQueryResponse'
  | 'FunctionCallResponse'
  | 'NoData'
  | 'NotificationResponse'
  | 'ParameterDescription'
  | 'ParseComplete'
  | 'PortalSuspended'
  | 'RowDescription';

/** What the server sends, rows and copy data apart (those are never decoded). */
export type BackendMessage =
  | Authentication
  | ({ readonly type: 'BackendKeyData' } & BackendKeyData)
  | ({ readonly type: 'NegotiateProtocolVersion' } & NegotiateProtocolVersion)
  | ({ readonly type: 'ParameterStatus' } & ParameterStatus)
  | { readonly type: 'CommandComplete'; readonly tag: string }
  | { readonly type: 'ErrorResponse' | 'NoticeResponse'; readonly fields: ResponseFields }
  | { readonly type: 'ReadyForQuery'; readonly status: TransactionStatus }
  | { readonly type: Recognised };

const RECOGNISED: ReadonlyMap<number, Recognised> = new Map([
  [BACKEND.bindComplete, 'BindComplete'],
  [BACKEND.closeComplete, 'CloseComplete'],
  [BACKEND.copyBothResponse, 'CopyBothResponse'],
  [BACKEND.copyDone, 'CopyDone'],
  [BACKEND.copyInResponse, 'CopyInResponse'],
  [BACKEND.copyOutResponse, 'CopyOutResponse'],
  [BACKEND.emptyQueryResponse, 'EmptyQueryResponse'],
  [BACKEND.functionCallResponse, 'FunctionCallResponse'],
  [BACKEND.noData, 'NoData'],
  [BACKEND.notificationResponse, 'NotificationResponse'],
  [BACKEND.parameterDescription, 'ParameterDescription'],
  [BACKEND.parseComplete, 'ParseComplete'],
  [BACKEND.portalSuspended, 'PortalSuspended'],
  [BACKEND.rowDescription, 'RowDescription'],
] as const);

/** Decodes a message of the server. Throws what `malformed` makes, also for an unknown type. */
export const decodeBackend = (type: number, body: Buffer, malformed: Malformed): BackendMessage => {
  switch (type) {
    case BACKEND.authentication:
      return decodeAuthentication(body, malformed);
    case BACKEND.backendKeyData:
      return { type: 'BackendKeyData', ...decodeBackendKeyData(body, malformed) };
    case BACKEND.negotiateProtocolVersion:
      return { type: 'NegotiateProtocolVersion', ...decodeNegotiateProtocolVersion(body, malformed) };
    case BACKEND.parameterStatus:
      return { type: 'ParameterStatus', ...decodeParameterStatus(body, malformed) };
    case BACKEND.commandComplete:
      return { type: 'CommandComplete', tag: decodeCommandComplete(body, malformed) };
    case BACKEND.errorResponse:
      return { type: 'ErrorResponse', fields: decodeResponseFields(body, malformed) };
    case BACKEND.noticeResponse:
      return { type: 'NoticeResponse', fields: decodeResponseFields(body, malformed) };
    case BACKEND.readyForQuery:
      return { type: 'ReadyForQuery', status: decodeReadyForQuery(body, malformed) };
    default: {
      const recognised = RECOGNISED.get(type);
      if (recognised === undefined) {
        throw malformed(`invalid backend message type ${type}`);
      }
      return { type: recognised };
    }
  }
};
