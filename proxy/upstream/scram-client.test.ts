import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import { checkServerSignature, proveScram, type ScramOffer, startScram } from './scram-client.ts';

/** RFC 7677, section 3. */
const offer: ScramOffer = {
  mechanisms: ['SCRAM-SHA-256'],
  tls: false,
  certificateHash: undefined,
  nonce: 'rOprNGfwEbeRWgbNEkqO',
  username: 'user',
};
const password = Buffer.from('pencil');
const serverFirst = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
const serverFinal = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';
const hash = Buffer.alloc(32, 7);

const detailOf = async (run: () => unknown): Promise<string | undefined> => {
  try {
    await run();
  } catch (error) {
    if (error instanceof Failure) return error.fields.detail;
    throw error;
  }
  return undefined;
};

describe('the client side of SCRAM', () => {
  it('holds the conversation of RFC 7677 to the byte', async () => {
    const start = startScram(offer);
    expect(start.clientFirst).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
    const proof = await proveScram(start, serverFirst, password);
    expect(proof.clientFinal).toBe(
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    );
    expect(() => checkServerSignature(proof, serverFinal)).not.toThrow();
  });

  it.each(['v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=', 'v=', 'v=AAAA', '', 'e=other-error', 'x'])(
    'refuses a server that answers %j instead of its signature',
    async (answer) => {
      const proof = await proveScram(startScram(offer), serverFirst, password);
      expect(await detailOf(() => checkServerSignature(proof, answer))).toBe(
        'The database did not prove that it knows the password (SCRAM server signature).',
      );
    },
  );

  it.each([
    ['r=,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096', 'The database sent a SCRAM nonce that does not extend ours.'],
    ['r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096', 'The database sent a SCRAM nonce that does not extend ours.'],
    ['r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096', 'The database sent a SCRAM nonce that does not extend ours.'],
    ['r=rOprNGfwEbeRWgbNEkqO\u0000,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096', 'The database sent a SCRAM nonce that does not extend ours.'],
    ['r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096', 'The database sent a malformed SCRAM challenge.'],
    ['r=rOprNGfwEbeRWgbNEkqOx,s=W22Za,i=4096', 'The database sent a malformed SCRAM challenge.'],
    ['r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-1', 'The database sent a malformed SCRAM challenge.'],
    ['r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0', 'The database asks for 0 SCRAM iterations, and the limit is 1000000.'],
    [
      'r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2147483647',
      'The database asks for 2147483647 SCRAM iterations, and the limit is 1000000.',
    ],
    ['m=x,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096', 'The database sent a malformed SCRAM challenge.'],
    ['', 'The database sent a malformed SCRAM challenge.'],
  ])('refuses the challenge %j', async (challenge, expected) => {
    expect(await detailOf(() => proveScram(startScram(offer), challenge, password))).toBe(expected);
  });

  it.each([
    [
      'binds the channel when it can',
      { tls: true, certificateHash: hash, mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] },
      'p=tls-server-end-point,,',
    ],
    ['says that it could when the server did not offer', { tls: true, certificateHash: hash, mechanisms: ['SCRAM-SHA-256'] }, 'y,,'],
    [
      'does not claim to when the hash is unknown',
      { tls: true, certificateHash: undefined, mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] },
      'n,,',
    ],
    ['does not without TLS', { tls: false, certificateHash: undefined, mechanisms: ['SCRAM-SHA-256'] }, 'n,,'],
  ])('%s', (_name, connection, header) => {
    expect(startScram({ ...connection, nonce: 'abc' }).clientFirst).toBe(`${header}n=,r=abc`);
  });

  it('refuses an offer of channel binding without TLS, and mechanisms that it does not know', async () => {
    expect(await detailOf(() => startScram({ ...offer, mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'] }))).toBe(
      'The database offers channel binding on a connection without TLS.',
    );
    expect(await detailOf(() => startScram({ ...offer, mechanisms: ['OAUTHBEARER'] }))).toBe(
      'The database asks for an authentication method that is not supported (SASL OAUTHBEARER).',
    );
  });

  it('throws nothing but Failure on any challenge', async () => {
    const challenge = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .tuple(fc.string({ unit: 'binary' }), fc.base64String(), fc.nat(4))
        .map(([nonce, salt, rounds]) => `r=${offer.nonce}${nonce},s=${salt},i=${rounds}`),
    );
    await fc.assert(
      fc.asyncProperty(challenge, async (text) => {
        await detailOf(() => proveScram(startScram(offer), text, password));
      }),
      { numRuns: 2_000 },
    );
  });
});
