import { ByteReader, type Malformed } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/** What the server asks for, or says, while it authenticates. */
export type Authentication =
  | { readonly type: 'AuthenticationOk' }
  | { readonly type: 'AuthenticationCleartextPassword' }
  | { readonly type: 'AuthenticationMD5Password'; readonly salt: Buffer }
  | { readonly type: 'AuthenticationSASL'; readonly mechanisms: readonly string[] }
  | { readonly type: 'AuthenticationSASLContinue'; readonly data: Buffer }
  | { readonly type: 'AuthenticationSASLFinal'; readonly data: Buffer }
  /** GSSAPI, SSPI, Kerberos: recognised only. */
  | { readonly type: 'AuthenticationOther'; readonly code: number };

/** `AUTH_REQ_*` of `src/include/libpq/protocol.h`. */
const OK = 0;
const CLEARTEXT_PASSWORD = 3;
const MD5_PASSWORD = 5;
const SASL = 10;
const SASL_CONTINUE = 11;
const SASL_FINAL = 12;

export const decodeAuthentication = (body: Buffer, malformed: Malformed): Authentication => {
  const reader = new ByteReader(body, malformed);
  const code = reader.int32();
  const message = decodeByCode(code, reader, malformed);
  reader.end();
  return message;
};

const decodeByCode = (code: number, reader: ByteReader, malformed: Malformed): Authentication => {
  switch (code) {
    case OK:
      return { type: 'AuthenticationOk' };
    case CLEARTEXT_PASSWORD:
      return { type: 'AuthenticationCleartextPassword' };
    case MD5_PASSWORD:
      return { type: 'AuthenticationMD5Password', salt: reader.bytes(4) };
    case SASL:
      return { type: 'AuthenticationSASL', mechanisms: decodeMechanisms(reader, malformed) };
    case SASL_CONTINUE:
      return { type: 'AuthenticationSASLContinue', data: reader.rest() };
    case SASL_FINAL:
      return { type: 'AuthenticationSASLFinal', data: reader.rest() };
    default:
      reader.rest();
      return { type: 'AuthenticationOther', code };
  }
};

const decodeMechanisms = (reader: ByteReader, malformed: Malformed): readonly string[] => {
  const mechanisms: string[] = [];
  while (reader.remaining > 0) {
    const mechanism = reader.lenientString();
    if (mechanism === '') {
      return mechanisms;
    }
    mechanisms.push(mechanism);
  }
  throw malformed('invalid message format');
};

export const encodeAuthenticationOk = (): Buffer => new ByteWriter().int32(OK).message('R');

export const encodeAuthenticationSasl = (mechanisms: readonly string[]): Buffer => {
  const writer = new ByteWriter().int32(SASL);
  for (const mechanism of mechanisms) {
    writer.string(mechanism);
  }
  return writer.uint8(0).message('R');
};

export const encodeAuthenticationSaslContinue = (data: Buffer): Buffer => new ByteWriter().int32(SASL_CONTINUE).bytes(data).message('R');

export const encodeAuthenticationSaslFinal = (data: Buffer): Buffer => new ByteWriter().int32(SASL_FINAL).bytes(data).message('R');
