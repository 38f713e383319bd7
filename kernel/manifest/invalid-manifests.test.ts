import { describe, expect, it } from 'vitest';
import { CONNECTION, INVALID, policy, SECRETS } from '../../test/support/invalid-manifests.ts';
import type { ParsedManifests } from './bundle-of.ts';
import { parseManifests } from './parse-manifests.ts';
import { problemText } from './problem.ts';

const parse = (...texts: readonly string[]): ParsedManifests =>
  parseManifests(texts.map((text, index) => ({ path: `${index}.yaml`, text })));

describe('parseManifests() refuses', () => {
  it.each(INVALID)('%s', (_, changed, expected) => {
    const { bundle, problems } = parse(changed.connection ?? CONNECTION, changed.secrets ?? SECRETS, changed.policy ?? policy(''));
    expect(problems.map(problemText)).toEqual(expected);
    expect(bundle).toBeUndefined();
  });

  it('and says nothing of what Secrets hold', () => {
    const said = INVALID.map(([, changed]) =>
      parse(changed.connection ?? CONNECTION, changed.secrets ?? SECRETS, changed.policy ?? policy('')),
    );
    expect(JSON.stringify(said.map(({ problems, warnings }) => [problems, warnings]))).not.toMatch(/s3cret|czNjcmV0|12345678/);
  });

  it('a broken Secret once, and not also for who refers to it', () => {
    const { problems } = parse(CONNECTION, SECRETS.replace('stringData', 'stringdata'), policy(''));
    expect(problems.map(problemText)).toEqual([
      '1.yaml:10: document 2, stringdata: unknown field "stringdata". Did you mean "stringData"?',
    ]);
  });

  it('a broken connection once, and not also for who refers to it', () => {
    const { problems } = parse(CONNECTION.replace('host:', 'hots:'), SECRETS, policy(''));
    expect(problems.map(({ field }) => field)).toEqual(['spec.host', 'spec.hots']);
  });
});
