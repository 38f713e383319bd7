import { cp, mkdir, mkdtemp, open, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemText } from '../../kernel/manifest/problem.ts';
import type { FollowTiming } from '../follow-folder.ts';
import { type ManifestListeners, watchManifests } from './watch-manifests.ts';

const QUICKSTART = join(import.meta.dirname, '../../examples/quickstart');

type Told = { readonly statementTimeout: number | undefined } | { readonly problems: readonly string[] };

let parent = '';
let folder = '';
let stop = (): void => undefined;
let told: Told[] = [];
let awaited: { readonly count: number; readonly resolve: () => void } | undefined;

const tell = (what: Told): void => {
  told.push(what);
  if (awaited !== undefined && told.length >= awaited.count) awaited.resolve();
};

/** What listeners have been told, once it is at least this much. */
const toldAtLeast = async (count: number): Promise<readonly Told[]> => {
  if (told.length < count) await new Promise<void>((resolve) => (awaited = { count, resolve }));
  return told;
};

const start = async (timing?: FollowTiming): Promise<void> => {
  const listeners: ManifestListeners = {
    onBundle: ({ policies }) => tell({ statementTimeout: policies[0]?.limits.statementTimeout }),
    onProblems: (problems) => tell({ problems: problems.map(problemText) }),
  };
  ({ stop } = await watchManifests(folder, listeners, timing));
};

const policy = (timeout: string): Promise<string> =>
  readFile(join(QUICKSTART, 'policy.yaml'), 'utf8').then((text) => text.replace('statementTimeout: 30s', `statementTimeout: ${timeout}`));

const INVALID = { problems: [expect.stringMatching(/^policy\.yaml:\d+: document 1, spec\.limits\.statementTimeout: /)] };

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'watch-'));
  folder = join(parent, 'manifests');
  await cp(QUICKSTART, folder, { recursive: true });
  told = [];
  awaited = undefined;
});
afterEach(async () => {
  stop();
  await rm(parent, { recursive: true });
});

describe('watchManifests()', () => {
  it('has told what is there when it resolves', async () => {
    await start();
    expect(told).toEqual([{ statementTimeout: 30_000 }]);
  });

  it('has told what is wrong when it resolves', async () => {
    await writeFile(join(folder, 'policy.yaml'), await policy('soon'));
    await start();
    expect(told).toEqual([INVALID]);
  });

  it('follows a file that is written, one that replaces another, and one that goes', async () => {
    await start();
    await writeFile(join(folder, 'policy.yaml'), await policy('20s'));
    expect(await toldAtLeast(2)).toEqual([{ statementTimeout: 30_000 }, { statementTimeout: 20_000 }]);
    await writeFile(join(folder, '.policy.tmp'), await policy('10s'));
    await rename(join(folder, '.policy.tmp'), join(folder, 'policy.yaml'));
    expect((await toldAtLeast(3)).at(-1)).toEqual({ statementTimeout: 10_000 });
    await rm(join(folder, 'policy.yaml'));
    expect((await toldAtLeast(4)).at(-1)).toEqual({ statementTimeout: undefined });
  });

  it('tells an invalid state once, and the old one again when it is back', async () => {
    await start();
    await writeFile(join(folder, 'policy.yaml'), await policy('soon'));
    await toldAtLeast(2);
    await writeFile(join(folder, 'policy.yaml'), await policy('30s'));
    expect(await toldAtLeast(3)).toEqual([{ statementTimeout: 30_000 }, INVALID, { statementTimeout: 30_000 }]);
  });

  it('says nothing of a change that means nothing', async () => {
    await start();
    await writeFile(join(folder, 'policy.yaml'), `# a comment\n${await policy('30s')}`);
    await writeFile(join(folder, 'notes.txt'), 'x');
    await writeFile(join(folder, 'secrets.yaml'), await readFile(join(QUICKSTART, 'secrets.yaml')));
    // A marker: what comes before it has been looked at.
    await writeFile(join(folder, 'policy.yaml'), await policy('20s'));
    expect(await toldAtLeast(2)).toEqual([{ statementTimeout: 30_000 }, { statementTimeout: 20_000 }]);
  });

  it('does not take a file that is still being written, even where its beginning is valid', async () => {
    await start({ poll: 400, settle: 500 });
    const whole = await policy('20s');
    const file = await open(join(folder, 'policy.yaml'), 'w');
    // The first pieces are a valid policy without masks, and without limits.
    for (const end of [
      whole.indexOf('        masks:'),
      whole.indexOf('    - name: public.orders'),
      whole.indexOf('  limits:'),
      whole.length,
    ]) {
      await file.truncate(0);
      await file.write(whole.slice(0, end), 0);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await file.close();
    expect(await toldAtLeast(2)).toEqual([{ statementTimeout: 30_000 }, { statementTimeout: 20_000 }]);
  });

  it('follows a mounted volume of Kubernetes, whose links change behind the names', async () => {
    await rm(folder, { recursive: true });
    await cp(QUICKSTART, join(folder, '..1'), { recursive: true });
    await symlink('..1', join(folder, '..data'));
    for (const name of ['connection.yaml', 'secrets.yaml', 'policy.yaml']) await symlink(`..data/${name}`, join(folder, name));
    await start();
    await cp(QUICKSTART, join(folder, '..2'), { recursive: true });
    await writeFile(join(folder, '..2/policy.yaml'), await policy('20s'));
    await symlink('..2', join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    expect(await toldAtLeast(2)).toEqual([{ statementTimeout: 30_000 }, { statementTimeout: 20_000 }]);
  });

  it('follows files outside the folder that links lead to', async () => {
    await rename(join(folder, 'policy.yaml'), join(parent, 'elsewhere.yaml'));
    await symlink('../elsewhere.yaml', join(folder, 'policy.yaml'));
    await start();
    await writeFile(join(parent, 'elsewhere.yaml'), await policy('20s'));
    expect(await toldAtLeast(2)).toEqual([{ statementTimeout: 30_000 }, { statementTimeout: 20_000 }]);
  });

  it('reports a folder that goes, and follows the one that comes in its place', async () => {
    await start();
    await rename(folder, join(parent, 'gone'));
    expect((await toldAtLeast(2)).at(-1)).toEqual({
      problems: ['.: the folder of manifests cannot be read (ENOENT). Create it, or correct the path and its permissions.'],
    });
    await mkdir(join(parent, 'new'));
    await cp(QUICKSTART, join(parent, 'new'), { recursive: true });
    await rename(join(parent, 'new'), folder);
    expect((await toldAtLeast(3)).at(-1)).toEqual({ statementTimeout: 30_000 });
    await writeFile(join(folder, 'policy.yaml'), await policy('20s'));
    expect((await toldAtLeast(4)).at(-1)).toEqual({ statementTimeout: 20_000 });
  });

  it('tells nothing more once it is stopped', async () => {
    await start();
    stop();
    await writeFile(join(folder, 'policy.yaml'), await policy('20s'));
    // Another watcher of the same folder shows that the change could be seen.
    await start();
    expect(told).toEqual([{ statementTimeout: 30_000 }, { statementTimeout: 20_000 }]);
  });
});
