import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import { checkServerSignature, proveScram, startScram } from '../upstream/scram-client.ts';
import { preparePassword, saltedPassword, verifierOf } from './scram-keys.ts';
import { challenge, type ScramChallenge, verify } from './scram-server.ts';

/** RFC 7677, section 3. */
const RFC = {
  password: Buffer.from('pencil'),
  salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal: 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
};

const hash = Buffer.alloc(32, 7);
const plain: ScramChallenge = {
  mechanism: 'SCRAM-SHA-256',
  plusOffered: false,
  serverNonce: RFC.serverNonce,
  salt: RFC.salt,
  iterations: 4096,
};
const bound: ScramChallenge = { ...plain, mechanism: 'SCRAM-SHA-256-PLUS', plusOffered: true };
const verifier = verifierOf(await saltedPassword(RFC.password, RFC.salt, 4096));

const detailOf = (run: () => unknown): string | undefined => {
  try {
    run();
  } catch (error) {
    if (error instanceof Failure) return `${error.fields.sqlstate} ${error.fields.detail}`;
    throw error;
  }
  return undefined;
};

describe('the server side of SCRAM', () => {
  it('answers the conversation of RFC 7677 to the byte', () => {
    const exchange = challenge(RFC.clientFirst, plain);
    expect(exchange.serverFirst).toBe(RFC.serverFirst);
    expect(verify(exchange, RFC.clientFinal, { verifier, certificateHash: undefined })).toBe(RFC.serverFinal);
  });

  it('refuses a wrong proof without an answer', () => {
    const exchange = challenge(RFC.clientFirst, plain);
    const wrong = RFC.clientFinal.replace('p=dHzb', 'p=eHzb');
    expect(verify(exchange, wrong, { verifier, certificateHash: undefined })).toBeUndefined();
  });

  const first: readonly (readonly [string, string, ScramChallenge, string | undefined])[] = [
    ['takes y where channel binding was not offered', 'y,,n=,r=abc', plain, undefined],
    [
      'refuses y where it was offered, as a downgrade',
      'y,,n=,r=abc',
      { ...plain, plusOffered: true },
      '28000 The client supports SCRAM channel binding but thinks the server does not. However, this server does support channel binding.',
    ],
    ['takes n where it was offered', 'n,,n=,r=abc', { ...plain, plusOffered: true }, undefined],
    [
      'refuses p with the mechanism without binding',
      'p=tls-server-end-point,,n=,r=abc',
      { ...plain, plusOffered: true },
      '08P01 The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding data.',
    ],
    [
      'refuses n with the mechanism with binding',
      'n,,n=,r=abc',
      bound,
      '08P01 The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.',
    ],
    ['refuses another binding type', 'p=tls-unique,,n=,r=abc', bound, '08P01 The channel-binding type is not supported.'],
    ['refuses another flag', 'x,,n=,r=abc', plain, '08P01 The channel-binding flag is unexpected.'],
    [
      'refuses an authorization identity',
      'n,a=admin,n=,r=abc',
      plain,
      '08P01 The client uses an authorization identity, but it is not supported.',
    ],
    ['refuses a mandatory extension', 'n,,m=x,n=,r=abc', plain, '08P01 The client requires an unsupported SCRAM extension.'],
    ['refuses an empty nonce', 'n,,n=,r=', plain, '08P01 The nonce is empty or has characters that cannot be printed.'],
    ['refuses a nonce with a space', 'n,,n=,r=a c', plain, '08P01 The nonce is empty or has characters that cannot be printed.'],
    ['passes over an optional extension', 'n,,n=,r=abc,x=1', plain, undefined],
    ['refuses a message without nonce', 'n,,n=', plain, '08P01 Attribute "r" is missing.'],
    ['refuses an empty message', '', plain, '08P01 The channel-binding flag is unexpected.'],
  ];
  it.each(first)('%s', (_name, message, offer, expected) => {
    expect(detailOf(() => challenge(message, offer))).toBe(expected);
  });

  const nonce = `abc${RFC.serverNonce}`;
  const proof = `p=${Buffer.alloc(32).toString('base64')}`;
  const second: readonly (readonly [string, string, string])[] = [
    ['a nonce that is not ours', `c=biws,r=abc,${proof}`, '08P01 Nonce does not match.'],
    ['another binding than announced', `c=eSws,r=${nonce},${proof}`, '08P01 The channel-binding attribute differs from the one announced.'],
    ['a proof of another length', `c=biws,r=${nonce},p=AAAA`, '08P01 The proof is malformed.'],
    ['a proof that is not base64', `c=biws,r=${nonce},p=${'!'.repeat(44)}`, '08P01 The proof is malformed.'],
    ['a message without a proof', `c=biws,r=${nonce}`, '08P01 The proof is missing or is not the last attribute.'],
    ['something behind the proof', `c=biws,r=${nonce},${proof},x=1`, '08P01 The proof is missing or is not the last attribute.'],
    ['an empty message', '', '08P01 Attribute "c" is missing.'],
  ];
  it.each(second)('refuses %s', (_name, message, expected) => {
    const exchange = challenge('n,,n=,r=abc', plain);
    expect(detailOf(() => verify(exchange, message, { verifier, certificateHash: undefined }))).toBe(expected);
  });

  it('binds the channel, and refuses a client that saw another certificate', async () => {
    const start = startScram({ mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'], tls: true, certificateHash: hash, nonce: 'abc' });
    expect(start.mechanism).toBe('SCRAM-SHA-256-PLUS');
    const exchange = challenge(start.clientFirst, bound);
    const { clientFinal, serverSignature } = await proveScram(start, exchange.serverFirst, RFC.password);
    const answer = verify(exchange, clientFinal, { verifier, certificateHash: hash });
    expect(answer).toBe(`v=${serverSignature.toString('base64')}`);
    expect(detailOf(() => verify(exchange, clientFinal, { verifier, certificateHash: Buffer.alloc(32, 8) }))).toBe(
      '28000 The SCRAM channel binding check failed.',
    );
    expect(detailOf(() => verify(exchange, clientFinal, { verifier, certificateHash: undefined }))).toBe(
      '08P01 Channel binding was not offered.',
    );
  });

  it('agrees with our client on any password, and on no other', async () => {
    const password = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1 }).map((text) => Buffer.from(text)),
      fc.uint8Array({ minLength: 1 }),
    );
    await fc.assert(
      fc.asyncProperty(password, password, fc.boolean(), async (right, given, same) => {
        const known = verifierOf(await saltedPassword(right, RFC.salt, 2));
        const start = startScram({ mechanisms: ['SCRAM-SHA-256'], tls: false, certificateHash: undefined, nonce: 'abc' });
        const exchange = challenge(start.clientFirst, { ...plain, iterations: 2 });
        const proved = await proveScram(start, exchange.serverFirst, same ? right : given);
        const answer = verify(exchange, proved.clientFinal, { verifier: known, certificateHash: undefined });
        if (answer !== undefined) checkServerSignature(proved, answer);
        const equal = same || Buffer.from(await preparePassword(right)).equals(await preparePassword(given));
        return equal === (answer !== undefined);
      }),
      { numRuns: 200 },
    );
  });

  it('throws nothing but Failure, and proves nothing, on mutated conversations', () => {
    const mutation = fc.record({ at: fc.nat(200), remove: fc.nat(8), insert: fc.string({ unit: 'binary', maxLength: 4 }) });
    const mutate = (text: string, { at, remove, insert }: { at: number; remove: number; insert: string }): string =>
      text.slice(0, at) + insert + text.slice(at + remove);
    fc.assert(
      fc.property(mutation, mutation, (one, two) => {
        try {
          const exchange = challenge(mutate(RFC.clientFirst, one), plain);
          const changed = mutate(RFC.clientFinal, two);
          const answer = verify(exchange, changed, { verifier, certificateHash: undefined });
          return answer === undefined || (changed === RFC.clientFinal && exchange.serverFirst === RFC.serverFirst);
        } catch (error) {
          return error instanceof Failure;
        }
      }),
      { numRuns: 20_000 },
    );
  });
});
