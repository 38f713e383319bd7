import { describe, expect, it } from 'vitest';
import { Failure } from '../../kernel/failure.ts';
import { assertLoopback, fixedIdentity } from './fixed-identity.ts';

describe('a fixed identity', () => {
  it('names its agent and how it came about', () => {
    expect(fixedIdentity('ada')).toEqual({ agent: 'ada', method: 'Fixed' });
  });

  it.each(['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1'])('may be given to a listener on %s', (address) => {
    expect(() => assertLoopback(address)).not.toThrow();
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', 'localhost', '', '::ffff:10.0.0.1', '127.0.0.1.example.com', '2001:db8::1'])(
    'may not be given to a listener on "%s"',
    (address) => {
      expect(() => assertLoopback(address)).toThrow(Failure);
    },
  );
});
