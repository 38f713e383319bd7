import { describe, expect, it } from 'vitest';
import { parseProxyConfig, UsageError } from './config.ts';

describe('parseProxyConfig()', () => {
  it('fills in what is not said', () => {
    expect(parseProxyConfig(['--manifests', 'm'])).toEqual({
      source: { type: 'Manifests', directory: 'm', identity: undefined },
      listeners: [{ address: { host: '127.0.0.1', port: 5432 }, connection: undefined }],
      metrics: { host: '127.0.0.1', port: 9632 },
      audit: './pg-airlock-audit',
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
    expect(parseProxyConfig(['--manifests', 'm', '--listen', text]).listeners).toEqual([{ address, connection: undefined }]);
  });

  it('reads how large the audit log may get, as Kubernetes writes sizes', () => {
    const limit = (...args: readonly string[]): number | undefined => parseProxyConfig(['--manifests', 'm', ...args]).auditLimit;
    expect([limit(), limit('--audit-limit', '1Gi'), limit('--audit-limit', '16Mi')]).toEqual([undefined, 2 ** 30, 2 ** 24]);
  });

  it.each([
    [[], '--manifests DIR is missing'],
    [['--manifests', 'm', '--listen', 'here'], '--listen takes HOST:PORT, not "here"'],
    [['--manifests', 'm', '--listen', 'a:70000'], '--listen takes HOST:PORT, not "a:70000"'],
    [['--manifests', 'm', '--tls-cert', 'c'], '--tls-cert and --tls-key go together'],
    [['--manifests', 'm', '--listen', ':1', '--listen', ':2'], '--listen may be given several times only with --control'],
    [['--manifests', 'm', '--access', 'a'], '--access belongs to --control'],
    [['--control', 'https://o', '--manifests', 'm'], '--control goes with neither --manifests nor --identity: the operator says both'],
    [['--control', 'https://o', '--identity', 'a'], '--control goes with neither --manifests nor --identity: the operator says both'],
    [['--control', 'http://o', '--access', 'a'], '--control takes a URL that begins with https://, not "http://o"'],
    [['--control', 'https://o'], '--access DIR is missing'],
    [['--control', 'https://o', '--access', 'a'], '--listen HOST:PORT=NAMESPACE/NAME is missing'],
    [['--control', 'https://o', '--access', 'a', '--listen', ':1'], 'with --control, --listen takes HOST:PORT=NAMESPACE/NAME, not ":1"'],
    [
      ['--control', 'https://o', '--access', 'a', '--listen', ':1=../x/y'],
      'with --control, --listen takes HOST:PORT=NAMESPACE/NAME, not ":1=../x/y"',
    ],
    [['--control', 'https://o', '--access', 'a', '--listen', ':1=a/b', '--listen', ':2=a/b'], '--listen names "a/b" twice'],
    [['--manifests', 'm', '--audit-limit', '1 GB'], '--audit-limit takes a size of at least 16Mi, such as 1Gi, not "1 GB"'],
    [['--manifests', 'm', '--audit-limit', '15Mi'], '--audit-limit takes a size of at least 16Mi, such as 1Gi, not "15Mi"'],
    [['--manifests', 'm', '--grace', 'soon'], '--grace takes a whole number of at least 0, not "soon"'],
    [['--manifests', 'm', '--log-level', 'loud'], '--log-level is one of trace, debug, info, warn, error, fatal, not "loud"'],
  ])('refuses %j', (args, message) => {
    expect(() => parseProxyConfig(args)).toThrow(new UsageError(message));
  });

  it('binds each listener to its connection, where the operator says the rest', () => {
    const args = [
      '--control',
      'https://operator:8444',
      '--access',
      '/a',
      '--listen',
      '127.0.0.1:5432=data/shop',
      '--listen',
      ':0=data/crm.v2',
    ];
    expect(parseProxyConfig(args)).toMatchObject({
      source: { type: 'Operator', url: 'https://operator:8444', access: '/a' },
      listeners: [
        { address: { host: '127.0.0.1', port: 5432 }, connection: 'data/shop' },
        { address: { host: '127.0.0.1', port: 0 }, connection: 'data/crm.v2' },
      ],
    });
  });

  it('refuses an option that it does not know', () => {
    expect(() => parseProxyConfig(['--manifests', 'm', '--verbose'])).toThrow(UsageError);
  });
});
