import { readdirSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { problemText } from '../../kernel/manifest/problem.ts';
import { createAuthority } from '../../test/support/certificates.ts';
import { loadManifests } from './load-manifests.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples');
const features = readdirSync(EXAMPLES).filter((name) => name.endsWith('.yaml'));

describe('the examples', () => {
  let folder: string | undefined;
  afterEach(async () => folder !== undefined && (await rm(folder, { recursive: true, force: true })));

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

  it('have one for databases and agents that are there already, to which only the Secrets are missing', async () => {
    folder = await mkdtemp(join(tmpdir(), 'examples-'));
    await cp(join(EXAMPLES, 'existing-database'), folder, { recursive: true });
    const login = { username: 'airlock', password: 'secret' };
    const secrets = { shop: login, billing: login, 'provider-ca': { 'ca.crt': (await createAuthority()).cert } };
    for (const [name, stringData] of Object.entries(secrets)) {
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'databases' }, stringData };
      await writeFile(join(folder, `${name}.yaml`), JSON.stringify(secret));
    }
    const { bundle, problems } = await loadManifests(folder);
    expect(problems.map(problemText)).toEqual([]);
    expect([...(bundle?.connections.keys() ?? [])]).toEqual(['databases/billing', 'databases/shop']);
    expect(bundle?.policies.map(({ key }) => key)).toEqual(['agents/assistant-billing', 'agents/assistant-shop']);
  });

  it('show each feature in a file', () => {
    expect(features).toHaveLength(11);
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
