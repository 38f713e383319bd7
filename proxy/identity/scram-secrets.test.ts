import { describe, expect, it } from 'vitest';
import { saltedPassword, verifierOf } from './scram-keys.ts';
import { createScramSecrets } from './scram-secrets.ts';

const processSecret = Buffer.alloc(32, 1);
const pencil = Buffer.from('pencil');

describe('the secrets of the agents', () => {
  it('give each agent, known or not, a salt that stays', () => {
    const secrets = createScramSecrets(processSecret);
    expect(secrets.salt('ada')).toHaveLength(16);
    expect(secrets.salt('ada')).toEqual(createScramSecrets(processSecret).salt('ada'));
    expect(secrets.salt('ada')).not.toEqual(secrets.salt('bob'));
    expect(secrets.salt('ada')).not.toEqual(createScramSecrets().salt('ada'));
  });

  it('derive the verifier that PostgreSQL would', async () => {
    const secrets = createScramSecrets(processSecret);
    expect(await secrets.verifier('ada', pencil)).toEqual(verifierOf(await saltedPassword(pencil, secrets.salt('ada'), 4096)));
  });

  it('derive once for many log-ins at the same time, and anew for another password', async () => {
    const secrets = createScramSecrets(processSecret);
    const first = secrets.verifier('ada', pencil);
    expect(secrets.verifier('ada', Buffer.from('pencil'))).toBe(first);
    expect(secrets.verifier('ada', Buffer.from('pencils'))).not.toBe(first);
    expect(secrets.verifier('bob', pencil)).not.toBe(first);
    await first;
  });

  it('keep the verifier of an unknown agent in the same list, under the same rules', async () => {
    const secrets = createScramSecrets(processSecret, 2);
    const unknown = secrets.verifier('nobody', undefined);
    const known = secrets.verifier('ada', pencil);
    expect(secrets.verifier('nobody', undefined)).toBe(unknown);
    await secrets.verifier('bob', pencil);
    expect(secrets.verifier('nobody', undefined)).toBe(unknown);
    expect(secrets.verifier('ada', pencil)).not.toBe(known);
    expect(await unknown).not.toEqual(await known);
  });
});
