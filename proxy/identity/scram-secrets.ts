/**
 * Salts and verifiers of the agents, derived from their passwords and kept for the life of the process.
 * An agent that nobody knows gets both as well, by the same path and at the same cost, so that nothing tells the two apart.
 */
import { randomBytes } from 'node:crypto';
import type { SecretBytes } from '../../kernel/policy.ts';
import { hmac, saltedPassword, type ScramVerifier, verifierOf } from './scram-keys.ts';

/** PostgreSQL's `SCRAM_SHA_256_DEFAULT_ITERATIONS`. */
export const ITERATIONS = 4096;

/** PostgreSQL's `SCRAM_DEFAULT_SALT_LEN`. */
const SALT_LENGTH = 16;

/** One per process. */
export type ScramSecrets = {
  /** Stable for the life of the process. */
  readonly salt: (agent: string) => Buffer;
  /** `password` undefined: the verifier of a password that nobody knows. */
  readonly verifier: (agent: string, password: SecretBytes | undefined) => Promise<ScramVerifier>;
};

/**
 * Verifiers are cached by agent and password, known or not, in one list of `capacity` that forgets what was used longest ago.
 */
export const createScramSecrets = (processSecret: Uint8Array = randomBytes(32), capacity = 1024): ScramSecrets => {
  const verifiers = new Map<string, Promise<ScramVerifier>>();
  const salt = (agent: string): Buffer => hmac(processSecret, `salt:${latin1(agent)}`).subarray(0, SALT_LENGTH);

  const verifier = (agent: string, password: SecretBytes | undefined): Promise<ScramVerifier> => {
    // INVARIANT: the known and the unknown take the same path from here on; a shortcut for either would show in the time.
    const unguessable = hmac(processSecret, `unknown:${latin1(agent)}`);
    const effective = password ?? unguessable;
    const key = `${hmac(processSecret, `password:${Buffer.from(effective).toString('latin1')}`).toString('hex')}:${agent}`;
    const derived = verifiers.get(key) ?? derive(effective, salt(agent));
    verifiers.delete(key);
    verifiers.set(key, derived);
    const oldest = verifiers.keys().next();
    if (verifiers.size > capacity && oldest.done !== true) verifiers.delete(oldest.value);
    return derived;
  };
  return { salt, verifier };
};

const derive = async (password: Uint8Array, salt: Uint8Array): Promise<ScramVerifier> =>
  verifierOf(await saltedPassword(password, salt, ITERATIONS));

/** One character for each byte of UTF-8, as `hmac` expects. */
const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
