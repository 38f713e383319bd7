import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { type Kube, KubeFailure } from '../kube/kube.ts';
import { MaskSecrets } from './mask-secrets.ts';

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

/** An API server that says of every Secret what `answers` says at the time. */
const reading = (answers: { status: number }) => {
  const unused = (): Promise<never> => Promise.reject(new Error('nothing is applied'));
  const request = (): Promise<unknown> =>
    answers.status === 200 ? Promise.resolve({ data: { key: 'a2V5' } }) : Promise.reject(new KubeFailure(answers.status, '', ''));
  const changes: string[] = [];
  const secrets = new MaskSecrets({
    kube: { request: request as Kube['request'], apply: unused },
    log: pino({ level: 'silent' }),
    wanted: () => new Set(['agents/keys']),
    onChange: (key) => changes.push(key),
    everyMs: 10,
    missingMs: 10,
    patienceMs: 100,
  });
  ended.push(() => secrets.stop());
  const type = () => secrets.get('agents/keys').type;
  return { type, changes };
};

const FOUND = 'Found';

describe('MaskSecrets', () => {
  it.each([403, 404])('counts a Secret that is answered with %i as missing, and reads it once that changes', async (status) => {
    const answers = { status };
    const { type, changes } = reading(answers);
    expect(type()).toBe('Unknown');
    await expect.poll(type).toBe('Missing');
    answers.status = 200;
    await expect.poll(type).toBe(FOUND);
    expect(changes).toEqual(['agents/keys', 'agents/keys']);
  });

  it('waits for one that cannot be read, and not for ever', async () => {
    const { type, changes } = reading({ status: 500 });
    await expect.poll(type).toBe('Missing');
    expect(changes).toEqual(['agents/keys']);
  });

  it.each([403, 500, 0])('keeps what it has read while the API server answers with %i, and not with 404', async (status) => {
    const answers = { status: 200 };
    const { type, changes } = reading(answers);
    await expect.poll(type).toBe(FOUND);
    answers.status = status;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([type(), changes]).toEqual([FOUND, ['agents/keys']]);
    answers.status = 404;
    await expect.poll(type).toBe('Missing');
  });
});
