import { ByteReader, type Malformed } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Span } from './span.ts';

/** ParameterStatus: a setting that the server reports. */
export type ParameterStatus = { readonly name: string; readonly value: string };

export const decodeParameterStatus = (body: Buffer, malformed: Malformed): ParameterStatus => {
  const reader = new ByteReader(body, malformed);
  const name = reader.lenientString();
  const value = reader.lenientString();
  reader.end();
  return { name, value };
};

export const encodeParameterStatus = (name: string, value: string): Buffer => new ByteWriter().string(name).string(value).message('S');

/** BackendKeyData: what a cancel request has to name. */
export type BackendKeyData = { readonly processId: number; readonly secretKey: Buffer };

/** Key length of protocol 3.0 (`PQ_CANCEL_KEY` was an int32), and the bounds of 3.2. */
const MIN_KEY = 4;
const MAX_KEY = 256;

export const decodeBackendKeyData = (body: Buffer, malformed: Malformed): BackendKeyData => {
  const reader = new ByteReader(body, malformed);
  const processId = reader.int32();
  if (reader.remaining < MIN_KEY || reader.remaining > MAX_KEY) {
    throw malformed('invalid message format');
  }
  return { processId, secretKey: reader.rest() };
};

export const encodeBackendKeyData = (processId: number, secretKey: Buffer): Buffer =>
  new ByteWriter().int32(processId).bytes(secretKey).message('K');

/** Idle, inside a transaction block, or in one that failed. */
export type TransactionStatus = 'Idle' | 'Transaction' | 'Failed';

const LETTERS = { Idle: 'I', Transaction: 'T', Failed: 'E' } as const satisfies Record<TransactionStatus, string>;
const IDLE = 0x49;
const TRANSACTION = 0x54;
const FAILED = 0x45;
const STATUSES: ReadonlyMap<string, TransactionStatus> = new Map([
  ['I', 'Idle'],
  ['T', 'Transaction'],
  ['E', 'Failed'],
] as const);

/** The same without reading it as a message; undefined where it is none that is well-formed. */
export const transactionStatus = ({ buffer, start, length }: Span): TransactionStatus | undefined => {
  switch (length === 6 ? buffer[start + 5] : undefined) {
    case IDLE:
      return 'Idle';
    case TRANSACTION:
      return 'Transaction';
    case FAILED:
      return 'Failed';
    default:
      return undefined;
  }
};

/** ReadyForQuery: the server waits for the next statement. */
export const decodeReadyForQuery = (body: Buffer, malformed: Malformed): TransactionStatus => {
  const reader = new ByteReader(body, malformed);
  const status = STATUSES.get(String.fromCharCode(reader.uint8()));
  reader.end();
  if (status === undefined) {
    throw malformed('invalid transaction status in message');
  }
  return status;
};

export const encodeReadyForQuery = (status: TransactionStatus): Buffer =>
  new ByteWriter().uint8(LETTERS[status].charCodeAt(0)).message('Z');

/** NegotiateProtocolVersion: the newest minor version there is, and the `_pq_.` parameters that are unknown. */
export type NegotiateProtocolVersion = { readonly minor: number; readonly unknownParameters: readonly string[] };

/** The version travels as a whole (`196610` for 3.2), as PostgreSQL sends it; some servers send the minor alone. */
export const decodeNegotiateProtocolVersion = (body: Buffer, malformed: Malformed): NegotiateProtocolVersion => {
  const reader = new ByteReader(body, malformed);
  const minor = reader.uint32() & 0xffff;
  const unknownParameters: string[] = [];
  for (let left = reader.int32(); left > 0; left -= 1) {
    unknownParameters.push(reader.lenientString());
  }
  reader.end();
  return { minor, unknownParameters };
};

export const encodeNegotiateProtocolVersion = (negotiated: NegotiateProtocolVersion): Buffer => {
  const writer = new ByteWriter().uint16(3).uint16(negotiated.minor).int32(negotiated.unknownParameters.length);
  for (const name of negotiated.unknownParameters) {
    writer.string(name);
  }
  return writer.message('v');
};
