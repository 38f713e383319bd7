import { readdirSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { problemText } from '../../kernel/manifest/problem.ts';
import { loadManifests } from './load-manifests.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples');
const features = readdirSync(EXAMPLES).filter((name) => name.endsWith('.yaml'));

describe('the examples', () => {
  let folder: string | undefined;
  afterEach(async () => folder !== undefined && (await rm(folder, { recursive: true })));

  it('begin with a quickstart that is valid as it is', async () => {
    const { bundle, problems, warnings } = await loadManifests(join(EXAMPLES, 'quickstart'));
    expect([...problems, ...warnings].map(problemText)).toEqual([]);
    expect(bundle?.policies.map(({ key }) => key)).toEqual(['default/reporting']);
  });

  it('have one for a cluster, whose policy is valid, and about pods', async () => {
    const { bundle, problems } = await loadManifests(join(EXAMPLES, 'cluster'));
    expect(problems.map(problemText)).toEqual([]);
    expect(bundle?.policies.map(({ key }) => key)).toEqual(['quickstart/reporting']);
    expect([...(bundle?.connections.keys() ?? [])]).toEqual(['quickstart-data/shop']);
  });

  it('show each feature in a file', () => {
    expect(features).toHaveLength(9);
  });

  it.each(features)('hold with %s copied next to the quickstart', async (name) => {
    folder = await mkdtemp(join(tmpdir(), 'examples-'));
    await cp(join(EXAMPLES, 'quickstart'), folder, { recursive: true });
    await cp(join(EXAMPLES, name), join(folder, name));
    const { bundle, problems } = await loadManifests(folder);
    expect(problems.map(problemText)).toEqual([]);
    expect(bundle?.policies.length).toBeGreaterThan(1);
  });

  it('hold all together', async () => {
    folder = await mkdtemp(join(tmpdir(), 'examples-'));
    await cp(join(EXAMPLES, 'quickstart'), folder, { recursive: true });
    for (const name of features) await cp(join(EXAMPLES, name), join(folder, name));
    expect((await loadManifests(folder)).problems.map(problemText)).toEqual([]);
  });
});
