/**
 * The agent's log-in as a conversation: the session sends what a step says and brings back what the client answers.
 */
import { randomBytes } from 'node:crypto';
import { authenticationFailed, because, protocolViolation } from '../../kernel/failure.ts';
import type { Identity } from '../../kernel/identity.ts';
import type { SecretBytes } from '../../kernel/policy.ts';
import {
  encodeAuthenticationOk,
  encodeAuthenticationSasl,
  encodeAuthenticationSaslContinue,
  encodeAuthenticationSaslFinal,
} from '../wire/authentication.ts';
import { decodeSaslInitialResponse, decodeSaslResponse } from '../wire/password.ts';
import type { ScramMechanism } from './scram-keys.ts';
import { ITERATIONS, type ScramSecrets } from './scram-secrets.ts';
import { challenge, type ScramExchange, verify } from './scram-server.ts';

/** What the session does next: write the messages, then read one message of type `p`, or go on as `identity`. */
export type AuthenticationStep =
  | { readonly type: 'Continue'; readonly messages: readonly Buffer[] }
  | { readonly type: 'Done'; readonly messages: readonly Buffer[]; readonly identity: Identity };

/** One log-in. It sets no deadline and reads no socket: both are the session's. */
export type Authenticator = {
  readonly start: () => AuthenticationStep;
  /** `body` of the client's message of type `p`. Throws Failure; its `cause` is for the log and the audit record, not for the client. */
  readonly respond: (body: Buffer) => Promise<AuthenticationStep>;
};

/** Who wants in, over what, and what is known of agents. */
export type AuthenticationRequest = {
  /** `user` of the startup message. */
  readonly user: string;
  /** Present when the client is on TLS. */
  readonly tls?: { readonly certificateHash: Buffer | undefined };
  readonly agents: (name: string) => SecretBytes | undefined;
  readonly secrets: ScramSecrets;
  /** Base64 without commas; a parameter for tests. */
  readonly nonce?: string;
};

/** PostgreSQL's `PG_MAX_SASL_MESSAGE_LENGTH`. */
const MAX_MESSAGE_LENGTH = 1024;

/** PostgreSQL's `SCRAM_RAW_NONCE_LEN`. */
const NONCE_LENGTH = 18;

type State =
  | { readonly type: 'Mechanism' }
  | { readonly type: 'First'; readonly mechanism: ScramMechanism }
  | { readonly type: 'Final'; readonly exchange: ScramExchange }
  | { readonly type: 'Closed' };

/**
 * Begins a log-in. An unknown agent is led through the same conversation, at the same cost, to the same error as a wrong password.
 */
export const startAuthentication = (request: AuthenticationRequest): Authenticator => {
  const { user, secrets } = request;
  const certificateHash = request.tls?.certificateHash;
  const plusOffered = certificateHash !== undefined;
  const offered: readonly ScramMechanism[] = plusOffered ? ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] : ['SCRAM-SHA-256'];
  const serverNonce = request.nonce ?? randomBytes(NONCE_LENGTH).toString('base64');
  let state: State = { type: 'Mechanism' };

  const first = (mechanism: ScramMechanism, message: Buffer): AuthenticationStep => {
    const exchange = challenge(textOf(message), { mechanism, plusOffered, serverNonce, salt: secrets.salt(user), iterations: ITERATIONS });
    state = { type: 'Final', exchange };
    return { type: 'Continue', messages: [encodeAuthenticationSaslContinue(Buffer.from(exchange.serverFirst, 'latin1'))] };
  };

  const final = async (exchange: ScramExchange, message: Buffer): Promise<AuthenticationStep> => {
    const text = textOf(message);
    const password = request.agents(user);
    const verifier = await secrets.verifier(user, password);
    const answer = verify(exchange, text, { verifier, certificateHash });
    // INVARIANT: an agent without a password never gets in, whatever it proves.
    if (answer === undefined || password === undefined) {
      throw because(authenticationFailed(user), password === undefined ? 'no such agent, or no password for it' : 'wrong password');
    }
    return {
      type: 'Done',
      messages: [encodeAuthenticationSaslFinal(Buffer.from(answer, 'latin1')), encodeAuthenticationOk()],
      identity: { agent: user, method: 'Password' },
    };
  };

  const respond = async (body: Buffer): Promise<AuthenticationStep> => {
    const current = state;
    // A log-in that failed or is done cannot be tried again on the same conversation.
    state = { type: 'Closed' };
    if (body.length > MAX_MESSAGE_LENGTH)
      throw protocolViolation('invalid SASL message length', `The limit is ${MAX_MESSAGE_LENGTH} bytes.`);
    switch (current.type) {
      case 'Mechanism': {
        const chosen = decodeSaslInitialResponse(body);
        const mechanism = offered.find((name) => name === chosen.mechanism);
        if (mechanism === undefined) throw protocolViolation('client selected an invalid SASL authentication mechanism');
        if (chosen.response !== undefined) return first(mechanism, chosen.response);
        state = { type: 'First', mechanism };
        return { type: 'Continue', messages: [encodeAuthenticationSaslContinue(Buffer.alloc(0))] };
      }
      case 'First':
        return first(current.mechanism, decodeSaslResponse(body));
      case 'Final':
        return final(current.exchange, decodeSaslResponse(body));
      case 'Closed':
        throw protocolViolation('unexpected message during authentication');
      default:
        return current satisfies never;
    }
  };

  return { start: () => ({ type: 'Continue', messages: [encodeAuthenticationSasl(offered)] }), respond };
};

/** SCRAM's messages are text: PostgreSQL refuses an empty one and one with a NUL inside. */
const textOf = (message: Buffer): string => {
  if (message.length === 0) throw protocolViolation('malformed SCRAM message', 'The message is empty.');
  if (message.includes(0)) throw protocolViolation('malformed SCRAM message', 'Message length does not match input length.');
  return message.toString('latin1');
};
