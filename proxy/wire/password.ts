import { protocolViolation } from '../../kernel/failure.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/*
 * Three messages bear the type 'p'; which one it is follows from what the other side asked for last.
 */

/** SASLInitialResponse; `response` undefined: the mechanism was only named. */
export type SaslInitialResponse = { readonly mechanism: string; readonly response: Buffer | undefined };

export const decodeSaslInitialResponse = (body: Buffer): SaslInitialResponse => {
  const reader = new ByteReader(body, protocolViolation);
  const mechanism = reader.string();
  const length = reader.int32();
  const response = length === -1 ? undefined : reader.bytes(length);
  reader.end();
  return { mechanism, response };
};

/** SASLResponse: the whole body is the mechanism's. */
export const decodeSaslResponse = (body: Buffer): Buffer => body;

/** PasswordMessage. */
export const decodePassword = (body: Buffer): string => {
  const reader = new ByteReader(body, protocolViolation);
  const password = reader.string();
  reader.end();
  return password;
};

export const encodeSaslInitialResponse = (mechanism: string, response: Buffer | undefined): Buffer => {
  const writer = new ByteWriter().string(mechanism);
  return (response === undefined ? writer.int32(-1) : writer.int32(response.length).bytes(response)).message('p');
};

export const encodeSaslResponse = (response: Buffer): Buffer => new ByteWriter().bytes(response).message('p');

export const encodePassword = (password: string | Buffer): Buffer => new ByteWriter().string(password).message('p');
