/**
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the server's side, as PostgreSQL does it (RFC 5802, RFC 7677; src/backend/libpq/auth-scram.c).
 * Pure: nonce, salt and verifier are parameters. Messages are Latin-1 strings of the bytes on the wire.
 */
import { type Failure, noIdentity, protocolViolation } from '../../kernel/failure.ts';
import {
  decodeBase64,
  equalInConstantTime,
  hmac,
  isPrintable,
  KEY_LENGTH,
  type ScramMechanism,
  type ScramVerifier,
  sha256,
  xor,
} from './scram-keys.ts';

/** How the client asked, and what it is asked with: everything that the second round needs of the first. */
export type ScramExchange = {
  readonly channelBinding: 'n' | 'y' | 'p';
  /** `client-first-message-bare`, the username in it unread: the startup message has named the agent already. */
  readonly clientFirstBare: string;
  readonly serverFirst: string;
  /** The client's nonce with ours behind it. */
  readonly nonce: string;
};

/** What the server brings to the first round. */
export type ScramChallenge = {
  readonly mechanism: ScramMechanism;
  /** SCRAM-SHA-256-PLUS was among the offered mechanisms. */
  readonly plusOffered: boolean;
  readonly serverNonce: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
};

/** What the server brings to the second round. */
export type ScramSecret = { readonly verifier: ScramVerifier; readonly certificateHash: Uint8Array | undefined };

/** Reads client-first-message; `serverFirst` of the result is the answer. Throws Failure. */
export const challenge = (clientFirst: string, offer: ScramChallenge): ScramExchange => {
  const { channelBinding, bare } = readHeader(clientFirst, offer);
  const [username, nonceAttribute, ...extensions] = bare.split(',');
  if (username?.startsWith('m=')) throw malformed('The client requires an unsupported SCRAM extension.');
  readAttribute('n', username);
  const clientNonce = readAttribute('r', nonceAttribute);
  if (!isPrintable(clientNonce)) throw malformed('The nonce is empty or has characters that cannot be printed.');
  for (const extension of extensions) readAnyAttribute(extension);
  const nonce = clientNonce + offer.serverNonce;
  const serverFirst = `r=${nonce},s=${Buffer.from(offer.salt).toString('base64')},i=${offer.iterations}`;
  return { channelBinding, clientFirstBare: bare, serverFirst, nonce };
};

/** Reads client-final-message. The answer is server-final-message, or undefined where the proof is wrong. Throws Failure. */
export const verify = (exchange: ScramExchange, clientFinal: string, secret: ScramSecret): string | undefined => {
  const attributes = clientFinal.split(',');
  const binding = readAttribute('c', attributes[0]);
  const nonce = readAttribute('r', attributes[1]);
  const proofIndex = attributes.findIndex((attribute, index) => index >= 2 && attribute.startsWith('p='));
  if (proofIndex !== attributes.length - 1) throw malformed('The proof is missing or is not the last attribute.');
  for (const extension of attributes.slice(2, proofIndex)) readAnyAttribute(extension);
  const proof = decodeBase64(readAttribute('p', attributes[proofIndex]));
  if (proof?.length !== KEY_LENGTH) throw malformed('The proof is malformed.');

  if (!equalInConstantTime(Buffer.from(binding, 'latin1'), Buffer.from(expectedBinding(exchange, secret.certificateHash), 'latin1'))) {
    throw exchange.channelBinding === 'p'
      ? noIdentity('The SCRAM channel binding check failed.', 'Something between the client and pg-airlock ends TLS: connect directly.')
      : malformed('The channel-binding attribute differs from the one announced.');
  }
  if (nonce !== exchange.nonce) throw protocolViolation('invalid SCRAM response', 'Nonce does not match.');

  const authMessage = `${exchange.clientFirstBare},${exchange.serverFirst},${attributes.slice(0, -1).join(',')}`;
  const clientKey = xor(proof, hmac(secret.verifier.storedKey, authMessage));
  if (!equalInConstantTime(sha256(clientKey), secret.verifier.storedKey)) return undefined;
  return `v=${hmac(secret.verifier.serverKey, authMessage).toString('base64')}`;
};

const readHeader = (clientFirst: string, offer: ScramChallenge): { readonly channelBinding: 'n' | 'y' | 'p'; readonly bare: string } => {
  const [flag = '', authorization = '', ...rest] = clientFirst.split(',');
  const channelBinding = readFlag(flag, offer);
  if (authorization.startsWith('a=')) throw malformed('The client uses an authorization identity, but it is not supported.');
  if (authorization !== '' || rest.length === 0) throw malformed('The header of the first message is malformed.');
  return { channelBinding, bare: rest.join(',') };
};

/** PostgreSQL's truth table: the flag has to fit the chosen mechanism, and `y` is a downgrade where binding was on offer. */
const readFlag = (flag: string, offer: ScramChallenge): 'n' | 'y' | 'p' => {
  const bound = offer.mechanism === 'SCRAM-SHA-256-PLUS';
  if (flag === 'n' || flag === 'y') {
    if (bound) throw malformed('The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.');
    if (flag === 'y' && offer.plusOffered) {
      throw noIdentity(
        'The client supports SCRAM channel binding but thinks the server does not. However, this server does support channel binding.',
        'Something between the client and pg-airlock changes the connection: connect directly.',
      );
    }
    return flag;
  }
  if (!flag.startsWith('p=')) throw malformed('The channel-binding flag is unexpected.');
  if (!bound)
    throw malformed('The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding data.');
  if (flag !== 'p=tls-server-end-point') throw malformed('The channel-binding type is not supported.');
  return 'p';
};

const expectedBinding = (exchange: ScramExchange, certificateHash: Uint8Array | undefined): string => {
  if (exchange.channelBinding !== 'p') return Buffer.from(`${exchange.channelBinding},,`, 'latin1').toString('base64');
  // INVARIANT: without a hash there is nothing to bind to, and an empty one must not pass for it.
  if (certificateHash === undefined) throw protocolViolation('malformed SCRAM message', 'Channel binding was not offered.');
  return Buffer.concat([Buffer.from('p=tls-server-end-point,,', 'latin1'), certificateHash]).toString('base64');
};

const readAttribute = (name: string, attribute: string | undefined): string => {
  if (attribute === undefined || !attribute.startsWith(`${name}=`)) throw malformed(`Attribute "${name}" is missing.`);
  return attribute.slice(2);
};

const readAnyAttribute = (attribute: string): void => {
  if (!/^[A-Za-z]=/.test(attribute)) throw malformed('An attribute is malformed.');
};

const malformed = (detail: string): Failure => protocolViolation('malformed SCRAM message', detail);
