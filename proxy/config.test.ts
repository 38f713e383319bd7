import { describe, expect, it } from 'vitest';
import { parseProxyConfig, UsageError } from './config.ts';

describe('parseProxyConfig()', () => {
  it('fills in what is not said', () => {
    expect(parseProxyConfig(['--manifests', 'm'])).toEqual({
      manifests: 'm',
      listen: { host: '127.0.0.1', port: 5432 },
      metrics: { host: '127.0.0.1', port: 9632 },
      audit: './pg-airlock-audit',
      identity: undefined,
      tls: undefined,
      maxConnections: 500,
      messageLimit: 16 * 1024 * 1024,
      sendTimeout: 300_000,
      sessionMemory: 32 * 1024 * 1024,
      grace: 10_000,
      logLevel: 'info',
    });
  });

  it.each([
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['[::1]:5433', { host: '::1', port: 5433 }],
    [':6000', { host: '127.0.0.1', port: 6000 }],
  ])('reads the address %s', (text, address) => {
    expect(parseProxyConfig(['--manifests', 'm', '--listen', text]).listen).toEqual(address);
  });

  it.each([
    [[], '--manifests DIR is missing'],
    [['--manifests', 'm', '--listen', 'here'], '--listen takes HOST:PORT, not "here"'],
    [['--manifests', 'm', '--listen', 'a:70000'], '--listen takes HOST:PORT, not "a:70000"'],
    [['--manifests', 'm', '--tls-cert', 'c'], '--tls-cert and --tls-key go together'],
    [['--manifests', 'm', '--grace', 'soon'], '--grace takes a whole number of at least 0, not "soon"'],
    [['--manifests', 'm', '--log-level', 'loud'], '--log-level is one of trace, debug, info, warn, error, fatal, not "loud"'],
  ])('refuses %j', (args, message) => {
    expect(() => parseProxyConfig(args)).toThrow(new UsageError(message));
  });

  it('refuses an option that it does not know', () => {
    expect(() => parseProxyConfig(['--manifests', 'm', '--verbose'])).toThrow(UsageError);
  });
});
