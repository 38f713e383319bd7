import { describe, expect, it } from 'vitest';
import { sidecarContainer } from '../../operator/specs/sidecar.ts';
import { parseProxyConfig } from '../../proxy/config.ts';
import { SETTINGS } from './golden-pods.ts';

describe('the arguments of the sidecar', () => {
  it('are what the proxy reads', () => {
    const connections = [
      { namespace: 'data', name: 'shop', port: 5432 },
      { namespace: 'crm', name: 'contacts.v2', port: 6000 },
    ];
    const [command, ...parameters] = sidecarContainer(SETTINGS, connections).args;
    expect(command).toBe('proxy');
    expect(parseProxyConfig(parameters)).toMatchObject({
      source: { type: 'Operator', url: SETTINGS.controlUrl, access: '/var/run/pg-airlock' },
      listeners: [
        { address: { host: '127.0.0.1', port: 5432 }, connection: 'data/shop' },
        { address: { host: '127.0.0.1', port: 6000 }, connection: 'crm/contacts.v2' },
      ],
      metrics: { host: '0.0.0.0', port: 9632 },
      audit: '/var/lib/pg-airlock/audit',
      logLevel: 'info',
    });
  });
});
