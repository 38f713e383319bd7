import { describe, expect, it } from 'vitest';
import { KubeFailure } from './kube/kube.ts';
import { createLog } from './log.ts';

const logged = (write: (log: ReturnType<typeof createLog>) => void): Readonly<Record<string, unknown>> => {
  let line = '{}';
  write(
    createLog('info', {
      write: (text) => {
        line = text;
      },
    }),
  );
  const { time: _time, ...rest } = JSON.parse(line) as Readonly<Record<string, unknown>>;
  return rest;
};

describe('createLog()', () => {
  it('redacts what bears the name of a secret, and keeps the keys of objects', () => {
    const secret = { data: { password: 'word' }, metadata: { name: 'shop' } };
    expect(
      logged((log) => log.info({ key: 'data/shop', token: 'word', secret, source: { password: 'word', tls: { key: 'word' } } }, 'told')),
    ).toEqual({
      level: 'info',
      name: 'pg-airlock-operator',
      key: 'data/shop',
      token: '[redacted]',
      secret: '[redacted]',
      source: { password: '[redacted]', tls: { key: '[redacted]' } },
      msg: 'told',
    });
  });

  it('keeps of an error what is said of it, and not what it carries', () => {
    const error = Object.assign(new Error('could not connect'), { code: 'ECONNREFUSED', client: { password: 'word' }, query: 'SELECT' });
    const { err } = logged((log) => log.warn({ err: error }, 'told'));
    expect(err).toEqual({ type: 'Error', code: 'ECONNREFUSED', message: 'could not connect', stack: expect.stringContaining('at ') });
  });

  it('says of a KubeFailure what the API server answered', () => {
    expect(logged((log) => log.error({ err: new KubeFailure(403, 'Forbidden', 'pods is forbidden') }, 'told'))['err']).toEqual({
      type: 'KubeFailure',
      status: 403,
      reason: 'Forbidden',
      message: 'pods is forbidden',
    });
  });
});
