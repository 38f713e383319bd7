/**
 * The log-in to the server: trust, MD5, SCRAM with or without channel binding, and the password itself where nobody can listen.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type Failure, upstreamCredentialsRefused, upstreamProtocolViolation, upstreamUnreachable, because } from '../../kernel/failure.ts';
import type { Connection } from '../../kernel/policy.ts';
import type { Authentication } from '../wire/authentication.ts';
import { encodePassword, encodeSaslInitialResponse, encodeSaslResponse } from '../wire/password.ts';
import type { Channel } from './dial.ts';
import { checkServerSignature, proveScram, type ScramProof, type ScramStart, startScram } from './scram-client.ts';

/** Answers one Authentication message after the other; undefined once the server has let us in. */
export type LogIn = (message: Authentication) => Promise<Reply | undefined>;

/** What to write, which may be nothing. */
export type Reply = { readonly bytes: Buffer };

type State =
  | { readonly type: 'Begun' }
  /** The password, or a hash of it, is out: only the verdict can follow. */
  | { readonly type: 'PasswordSent' }
  | { readonly type: 'ScramStarted'; readonly start: ScramStart }
  | { readonly type: 'ScramProved'; readonly proof: ScramProof }
  | { readonly type: 'ScramVerified' };

/** Begins a log-in; every step may throw Failure. */
export const startLogIn = (connection: Connection, channel: Channel): LogIn => {
  let state: State = { type: 'Begun' };
  return async (message) => {
    switch (message.type) {
      case 'AuthenticationOk':
        // INVARIANT: in the middle of SCRAM an OK is a server that avoids proving that it knows the password.
        if (state.type === 'ScramStarted' || state.type === 'ScramProved') throw outOfOrder(message);
        return undefined;
      case 'AuthenticationCleartextPassword':
        if (state.type !== 'Begun') throw outOfOrder(message);
        state = { type: 'PasswordSent' };
        return { bytes: encodePassword(clearPassword(connection, channel)) };
      case 'AuthenticationMD5Password':
        if (state.type !== 'Begun') throw outOfOrder(message);
        state = { type: 'PasswordSent' };
        return { bytes: encodePassword(md5Password(connection.username, passwordOf(connection), message.salt)) };
      case 'AuthenticationSASL': {
        if (state.type !== 'Begun') throw outOfOrder(message);
        const start = startScram({
          mechanisms: message.mechanisms,
          tls: channel.tls !== undefined,
          certificateHash: channel.tls?.certificateHash,
          nonce: randomBytes(18).toString('base64'),
        });
        passwordOf(connection);
        state = { type: 'ScramStarted', start };
        return { bytes: encodeSaslInitialResponse(start.mechanism, Buffer.from(start.clientFirst, 'latin1')) };
      }
      case 'AuthenticationSASLContinue': {
        if (state.type !== 'ScramStarted') throw outOfOrder(message);
        const proof = await proveScram(state.start, message.data.toString('latin1'), passwordOf(connection));
        state = { type: 'ScramProved', proof };
        return { bytes: encodeSaslResponse(Buffer.from(proof.clientFinal, 'latin1')) };
      }
      case 'AuthenticationSASLFinal':
        if (state.type !== 'ScramProved') throw outOfOrder(message);
        checkServerSignature(state.proof, message.data.toString('latin1'));
        state = { type: 'ScramVerified' };
        return { bytes: Buffer.alloc(0) };
      case 'AuthenticationOther':
        throw unsupported(METHODS[message.code] ?? `method ${message.code}`);
      default:
        return message satisfies never;
    }
  };
};

/** `AUTH_REQ_*` that we know by name and do not speak. */
const METHODS: Readonly<Record<number, string>> = { 2: 'Kerberos 5', 6: 'SCM credentials', 7: 'GSSAPI', 8: 'GSSAPI', 9: 'SSPI' };

const passwordOf = (connection: Connection): Uint8Array => {
  const { password } = connection;
  if (password === undefined || password.length === 0) {
    throw because(upstreamCredentialsRefused(), 'the database asks for a password, and the Secret of the DatabaseConnection has none');
  }
  return password;
};

const clearPassword = (connection: Connection, channel: Channel): Buffer => {
  if (channel.tls?.verified !== true) {
    throw upstreamUnreachable(
      'The database asks for the password in clear text, which is sent only over TLS that verifies who the database is.',
      'Ask the platform team to use scram-sha-256 in the database, or spec.tls.mode VerifyFull in the DatabaseConnection.',
    );
  }
  return withoutNul(passwordOf(connection));
};

/** `concat('md5', md5(concat(md5(concat(password, username)), random-salt)))` (protocol documentation, AuthenticationMD5Password). */
const md5Password = (username: string, password: Uint8Array, salt: Buffer): string => {
  const md5 = (...parts: readonly Uint8Array[]): string => createHash('md5').update(Buffer.concat(parts)).digest('hex');
  return `md5${md5(Buffer.from(md5(password, Buffer.from(username))), salt)}`;
};

/** A NUL would end the message's string early. */
const withoutNul = (password: Uint8Array): Buffer => {
  if (password.includes(0)) throw because(upstreamCredentialsRefused(), 'the password has a NUL in it');
  return Buffer.from(password);
};

const unsupported = (method: string): Failure =>
  upstreamUnreachable(
    `The database asks for an authentication method that is not supported (${method}).`,
    'Ask the platform team to let the role of the DatabaseConnection log in with scram-sha-256.',
  );

const outOfOrder = (message: Authentication): Failure => upstreamProtocolViolation(`The message ${message.type} came out of order.`);
