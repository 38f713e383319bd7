import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { HIDDEN } from './shop.ts';

let shown = '';

beforeAll(async () => {
  const env = { ...process.env, ONCE: '1', NO_COLOR: '1' };
  ({ stdout: shown } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env,
    maxBuffer: 4 * 1024 * 1024,
  }));
});

describe('make demo ONCE=1', () => {
  it.each([
    ['a masked row', /Ada Berg +\*\*\*@mail\.example +\*\*\*4295 +\*\*\*/],
    ['only the rows of its region', /filtered +region +count +sum *\n +eu +4 +1199\.70/],
    ['that a predicate meets the mask', /WHERE ssn LIKE '5%'\n +masked +count *\n +0 /],
    ['an error that prints the mask', /22P02 invalid input syntax for type integer: "\*\*\*"/],
    [
      'a refused relation with its hint',
      /42501 permission denied for relation "api_keys"\n +DETAIL: .*\n +HINT: +Relations that may be read: public\.customers, public\.orders\./,
    ],
    ['a refused DROP TABLE', /COMMIT; DROP TABLE customers\n +blocked +42501 permission denied for DROP TABLE/],
    ['a changed policy on a live session', /Bruno Costa +\*\*\*/],
    ['a refused change of the policy', /"Redcat" is not one of Redact/],
    ['the audit trail, and that it is intact', /Deny +Select +relation-refused +SELECT service, key FROM api_keys[^]*intact: 1 segment/],
    ['the metrics', /pg_airlock_blocked_total\{rule="relations",reason="relation-refused"\} 1/],
    ['how to connect', /psql postgres:\/\/reporting-agent:agent-password@127\.0\.0\.1:\d+\/shop/],
  ])('shows %s', (_, expected) => {
    expect(shown).toMatch(expected);
  });

  it.each(HIDDEN)('never shows %s', (value) => {
    expect(shown).not.toContain(value);
  });
});
