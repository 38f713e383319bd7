/**
 * The client's side of SCRAM-SHA-256 without channel binding, for ASCII passwords (RFC 5802, RFC 7677).
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

export type ScramClient = {
  readonly first: () => string;
  /** The answer to the server's first message. */
  readonly final: (serverFirst: string) => string;
};

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** One exchange; PostgreSQL ignores the name in it. */
export const scramClient = (password: string): ScramClient => {
  const bare = `n=,r=${randomBytes(18).toString('base64')}`;
  return {
    first: () => `n,,${bare}`,
    final: (serverFirst) => {
      const [nonce = '', salt = '', iterations = ''] = serverFirst.split(',').map((attribute) => attribute.slice(2));
      const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256');
      const clientKey = hmac(salted, 'Client Key');
      const storedKey = createHash('sha256').update(clientKey).digest();
      const withoutProof = `c=biws,r=${nonce}`;
      const signature = hmac(storedKey, `${bare},${serverFirst},${withoutProof}`);
      const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
      return `${withoutProof},p=${proof.toString('base64')}`;
    },
  };
};
