import { messageTooLarge, protocolViolation } from '../../kernel/failure.ts';
import type { ByteQueue } from './byte-queue.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/** A packet that a client sends before anything else: it has a length and no type. */
export type StartupPacket =
  | {
      readonly type: 'StartupMessage';
      readonly major: number;
      readonly minor: number;
      /** In the order of the packet. */
      readonly parameters: ReadonlyMap<string, string>;
    }
  | { readonly type: 'SSLRequest' }
  | { readonly type: 'GSSENCRequest' }
  | { readonly type: 'CancelRequest'; readonly processId: number; readonly secretKey: Buffer };

/** `MAX_STARTUP_PACKET_LENGTH` of `src/include/libpq/pqcomm.h`; it leaves out the length itself. */
export const MAX_STARTUP_PACKET_LENGTH = 10_000;

/** Request codes: major 1234, which is no protocol version (`pqcomm.h`). */
const REQUEST_MAJOR = 1234;
const CANCEL_MINOR = 5678;
const SSL_MINOR = 5679;
const GSSENC_MINOR = 5680;

const MIN_CANCEL_KEY = 4;
const MAX_CANCEL_KEY = 256;

/** Takes one packet off the queue, undefined until it has arrived. Throws `Failure`. */
export const takeStartupPacket = (queue: ByteQueue): StartupPacket | undefined => {
  if (queue.length < 4) {
    return undefined;
  }
  const length = queue.int32(0) - 4;
  if (length < 4) {
    throw protocolViolation('invalid length of startup packet');
  }
  if (length > MAX_STARTUP_PACKET_LENGTH) {
    throw messageTooLarge(length, MAX_STARTUP_PACKET_LENGTH);
  }
  if (queue.length < length + 4) {
    return undefined;
  }
  queue.take(4);
  return decodeStartupPacket(queue.take(length).view());
};

/** Decodes the packet behind its length. Throws `Failure`. */
export const decodeStartupPacket = (body: Buffer): StartupPacket => {
  const reader = new ByteReader(body, protocolViolation);
  const major = reader.uint16();
  const minor = reader.uint16();
  if (major === REQUEST_MAJOR) {
    return decodeRequest(minor, reader);
  }
  return { type: 'StartupMessage', major, minor, parameters: major === 3 ? decodeParameters(reader) : new Map() };
};

const decodeRequest = (minor: number, reader: ByteReader): StartupPacket => {
  if (minor === SSL_MINOR || minor === GSSENC_MINOR) {
    if (reader.remaining > 0) {
      throw protocolViolation('invalid length of startup packet');
    }
    return { type: minor === SSL_MINOR ? 'SSLRequest' : 'GSSENCRequest' };
  }
  if (minor !== CANCEL_MINOR) {
    throw protocolViolation(`invalid startup request code ${REQUEST_MAJOR}.${minor}`);
  }
  if (reader.remaining < 4 + MIN_CANCEL_KEY || reader.remaining > 4 + MAX_CANCEL_KEY) {
    throw protocolViolation('invalid length of query cancel packet');
  }
  return { type: 'CancelRequest', processId: reader.int32(), secretKey: reader.rest() };
};

/** Unlike PostgreSQL, where the last of two equal names wins, a repeated name is refused: nobody may guess which one counts. */
const decodeParameters = (reader: ByteReader): ReadonlyMap<string, string> => {
  const parameters = new Map<string, string>();
  for (;;) {
    if (reader.remaining === 0) {
      throw protocolViolation('invalid startup packet layout: expected terminator as last byte');
    }
    const name = reader.string();
    if (name === '') {
      break;
    }
    if (parameters.has(name)) {
      throw protocolViolation(`startup parameter "${name}" is given twice`);
    }
    parameters.set(name, reader.string());
  }
  if (reader.remaining !== 0) {
    throw protocolViolation('invalid startup packet layout: expected terminator as last byte');
  }
  return parameters;
};

/** Encodes any packet, length included. */
export const encodeStartupPacket = (packet: StartupPacket): Buffer => {
  const writer = new ByteWriter();
  switch (packet.type) {
    case 'SSLRequest':
      return writer.uint16(REQUEST_MAJOR).uint16(SSL_MINOR).packet();
    case 'GSSENCRequest':
      return writer.uint16(REQUEST_MAJOR).uint16(GSSENC_MINOR).packet();
    case 'CancelRequest':
      return writer.uint16(REQUEST_MAJOR).uint16(CANCEL_MINOR).int32(packet.processId).bytes(packet.secretKey).packet();
    case 'StartupMessage':
      writer.uint16(packet.major).uint16(packet.minor);
      for (const [name, value] of packet.parameters) {
        writer.string(name).string(value);
      }
      return writer.uint8(0).packet();
    default:
      return packet satisfies never;
  }
};
