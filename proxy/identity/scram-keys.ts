/**
 * The arithmetic of SCRAM-SHA-256 (RFC 5802, section 3) that both doors share. Passwords are bytes, prepared as PostgreSQL prepares them.
 */
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** Both mechanisms that PostgreSQL knows. */
export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS';

/** What a server keeps of a password (RFC 5802: StoredKey and ServerKey). */
export type ScramVerifier = { readonly storedKey: Buffer; readonly serverKey: Buffer };

/** Bytes of SHA-256: the length of every key, proof and signature here. */
export const KEY_LENGTH = 32;

const pbkdf2Async = promisify(pbkdf2);

/** RFC 5802's `SaltedPassword`, off the main thread. */
export const saltedPassword = async (password: Uint8Array, salt: Uint8Array, iterations: number): Promise<Buffer> =>
  pbkdf2Async(await preparePassword(password), salt, iterations, KEY_LENGTH, 'sha256');

/** `StoredKey` and `ServerKey` of a salted password. */
export const verifierOf = (salted: Uint8Array): ScramVerifier => ({
  storedKey: sha256(clientKeyOf(salted)),
  serverKey: serverKeyOf(salted),
});

/** RFC 5802's `ClientKey`. */
export const clientKeyOf = (salted: Uint8Array): Buffer => hmac(salted, 'Client Key');

/** RFC 5802's `ServerKey`. */
export const serverKeyOf = (salted: Uint8Array): Buffer => hmac(salted, 'Server Key');

/** HMAC-SHA-256 over one byte for each character of `text`: SCRAM messages are handled as Latin-1, so that no byte is lost. */
export const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text, 'latin1').digest();

/** SHA-256. */
export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** Bytewise exclusive or of two keys of equal length. */
export const xor = (left: Uint8Array, right: Uint8Array): Buffer => Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)));

/** Compares in time that depends on the lengths only. */
export const equalInConstantTime = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && timingSafeEqual(left, right);

/** Base64 as it is on the wire: no white space, canonical padding. Undefined for anything else. */
export const decodeBase64 = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
};

/** RFC 5802's `printable`: what a nonce may consist of (PostgreSQL: `is_scram_printable`). */
export const isPrintable = (text: string): boolean => /^[\x21-\x2b\x2d-\x7e]+$/.test(text);

/**
 * SASLprep (RFC 4013) where it applies, else the bytes as they are: ASCII, text that is not UTF-8, and text with prohibited characters
 * (PostgreSQL: `pg_saslprep` and its callers).
 */
export const preparePassword = async (password: Uint8Array): Promise<Uint8Array> => {
  if (password.every((byte) => byte < 0x80)) return password;
  // The tables are large, and hardly a password needs them.
  const { default: saslprep } = await import('saslprep');
  try {
    const prepared = Buffer.from(saslprep(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(password)), 'utf8');
    return prepared.length === 0 ? password : prepared;
  } catch {
    return password;
  }
};
