/**
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the client's side (RFC 5802, RFC 7677; src/interfaces/libpq/fe-auth-scram.c).
 * Pure: the nonce is a parameter. Messages are Latin-1 strings of the bytes on the wire.
 */
import { type Failure, upstreamUnreachable } from '../../kernel/failure.ts';
import {
  clientKeyOf,
  decodeBase64,
  equalInConstantTime,
  hmac,
  isPrintable,
  saltedPassword,
  type ScramMechanism,
  serverKeyOf,
  sha256,
  xor,
} from '../identity/scram-keys.ts';

/**
 * The most PBKDF2 rounds that we compute for a server, about half a second. PostgreSQL's default is 4,096 (`scram_iterations`);
 * without a cap, a hostile server keeps a thread busy for many minutes (RFC 5802, section 9, on hostile servers; node-postgres: `scramMaxIterations`).
 */
const MAX_ITERATIONS = 1_000_000;

/** What is known of the connection when the server offers its mechanisms. */
export type ScramOffer = {
  readonly mechanisms: readonly string[];
  readonly tls: boolean;
  /** The server certificate's tls-server-end-point hash; undefined without TLS, or where it cannot be determined. */
  readonly certificateHash: Uint8Array | undefined;
  readonly nonce: string;
  /** PostgreSQL reads the name in the startup message and ignores this one, which libpq leaves empty. */
  readonly username?: string;
};

/** The first round: what is sent and what the next rounds need of it. */
export type ScramStart = {
  readonly mechanism: ScramMechanism;
  readonly clientFirst: string;
  readonly clientFirstBare: string;
  readonly nonce: string;
  /** Base64 of the header and the bound certificate hash: attribute `c`. */
  readonly binding: string;
};

/** The second round: what is sent and the only answer that proves that the server knows the password. */
export type ScramProof = { readonly clientFinal: string; readonly serverSignature: Buffer };

/** Chooses the mechanism and writes client-first-message. Throws Failure. */
export const startScram = (offer: ScramOffer): ScramStart => {
  const plusOffered = offer.mechanisms.includes('SCRAM-SHA-256-PLUS');
  if (plusOffered && !offer.tls) throw unusable('The database offers channel binding on a connection without TLS.');
  const bound = plusOffered && offer.certificateHash !== undefined;
  if (!bound && !offer.mechanisms.includes('SCRAM-SHA-256')) {
    throw unusable(
      `The database asks for an authentication method that is not supported (SASL ${printable(offer.mechanisms.join(', '))}).`,
    );
  }
  // `y` says "I could, you did not offer": the server notices when somebody in between took its offer out. It is a lie without a hash.
  const flag = bound ? 'p=tls-server-end-point' : offer.certificateHash === undefined ? 'n' : 'y';
  const header = `${flag},,`;
  const clientFirstBare = `n=${escapeName(offer.username ?? '')},r=${offer.nonce}`;
  const bindingData = Buffer.concat([Buffer.from(header, 'latin1'), bound ? (offer.certificateHash ?? Buffer.alloc(0)) : Buffer.alloc(0)]);
  return {
    mechanism: bound ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256',
    clientFirst: header + clientFirstBare,
    clientFirstBare,
    nonce: offer.nonce,
    binding: bindingData.toString('base64'),
  };
};

/** Reads server-first-message and writes client-final-message. Throws Failure. */
export const proveScram = async (start: ScramStart, serverFirst: string, password: Uint8Array): Promise<ScramProof> => {
  const { nonce, salt, iterations } = readServerFirst(start, serverFirst);
  const salted = await saltedPassword(password, salt, iterations);
  const withoutProof = `c=${start.binding},r=${nonce}`;
  const authMessage = `${start.clientFirstBare},${serverFirst},${withoutProof}`;
  const clientKey = clientKeyOf(salted);
  const proof = xor(clientKey, hmac(sha256(clientKey), authMessage));
  return {
    clientFinal: `${withoutProof},p=${proof.toString('base64')}`,
    serverSignature: hmac(serverKeyOf(salted), authMessage),
  };
};

/** Reads server-final-message: anything but the expected signature is a Failure. */
export const checkServerSignature = (proof: ScramProof, serverFinal: string): void => {
  const [verifier = ''] = serverFinal.split(',');
  const signature = verifier.startsWith('v=') ? decodeBase64(verifier.slice(2)) : undefined;
  if (signature === undefined || !equalInConstantTime(signature, proof.serverSignature)) {
    throw unusable('The database did not prove that it knows the password (SCRAM server signature).');
  }
};

const readServerFirst = (
  start: ScramStart,
  serverFirst: string,
): { readonly nonce: string; readonly salt: Buffer; readonly iterations: number } => {
  const match = /^r=([^,]*),s=([^,]*),i=([0-9]{1,10})(?:,[A-Za-z]=[^,]*)*$/.exec(serverFirst);
  const [, nonce = '', saltText = '', iterationsText = ''] = match ?? [];
  const salt = decodeBase64(saltText);
  if (match === null || salt === undefined || salt.length === 0) throw unusable('The database sent a malformed SCRAM challenge.');
  // INVARIANT: the server must add something of its own (RFC 5802, section 5.1), or a recorded conversation could be played back.
  if (!isPrintable(nonce) || !nonce.startsWith(start.nonce) || nonce.length === start.nonce.length) {
    throw unusable('The database sent a SCRAM nonce that does not extend ours.');
  }
  const iterations = Number(iterationsText);
  if (iterations < 1 || iterations > MAX_ITERATIONS) {
    throw unusable(`The database asks for ${iterationsText} SCRAM iterations, and the limit is ${MAX_ITERATIONS}.`);
  }
  return { nonce, salt, iterations };
};

/** RFC 5802, section 5.1: `saslname`. */
const escapeName = (name: string): string => Buffer.from(name, 'utf8').toString('latin1').replaceAll('=', '=3D').replaceAll(',', '=2C');

/** What a server says of itself goes into an error text only in part, and only as plain ASCII. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);

const unusable = (detail: string): Failure =>
  upstreamUnreachable(detail, 'Ask the platform team to check the DatabaseConnection, and whether it reaches the right database.');
