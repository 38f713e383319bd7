/**
 * A small project under the repository's own checks, to plant faults in.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export type CheckResult = { readonly passed: boolean; readonly output: string };

export type CheckedProject = {
  /** Writes a file, runs the check `check:<name>` of package.json, and takes the file back. */
  readonly check: (name: string, fault?: Readonly<Record<string, string>>) => Promise<CheckResult>;
  readonly remove: () => Promise<void>;
};

const ROOT = join(import.meta.dirname, '..', '..');
const CONFIGURATION = ['.dependency-cruiser.cjs', '.gitignore', '.oxlintrc.json', 'biome.json', 'knip.json', 'tsconfig.json'];

const TOOLS = ['@biomejs/biome', '@types/pg', '@typescript/native', 'dependency-cruiser', 'knip', 'oxlint', 'pg', 'vitest'];

const SOUND = {
  'package-lock.json': '{ "packages": {} }\n',
  'cli/main.ts': "import { startProxy } from '../proxy/main.ts';\n\nstartProxy();\n",
  'kernel/greeting.ts': 'export const greeting = (name: string): string => `hello ${name}`;\n',
  'proxy/main.ts': `import { greet } from './session/greet.ts';\n
export const startProxy = (): void => {
  process.stdout.write(greet('world'));
};\n`,
  'proxy/session/greet.ts': `import { greeting } from '../../kernel/greeting.ts';\n
export const greet = (name: string): string => greeting(name.trim());\n`,
  'proxy/session/greet.test.ts': `import { expect, it } from 'vitest';
import { greet } from './greet.ts';\n
it('greets', () => {
  expect(greet(' you ')).toBe('hello you');
});\n`,
  'scripts/check-nothing.ts': "import '../kernel/greeting.ts';\n",
  'test/support/constant.ts': 'export const constant = 1;\n',
  'test/constant.test.ts': `import pg from 'pg';
import { expect, it } from 'vitest';
import { constant } from './support/constant.ts';\n
it('is constant', () => {
  expect([typeof pg, constant]).toEqual(['object', 1]);
});\n`,
};

/** Makes a project without faults in a temporary folder, with the repository's configuration and tools. */
export const createCheckedProject = async (): Promise<CheckedProject> => {
  const folder = await mkdtemp(join(tmpdir(), 'pg-airlock-checks-'));
  const put = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
  };
  for (const name of [...CONFIGURATION, 'scripts/check-imports.ts', 'scripts/check-lockfile.ts']) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await copyFile(join(ROOT, name), join(folder, name));
  }
  const { scripts, type, bin } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Record<string, unknown>;
  const devDependencies = Object.fromEntries(TOOLS.map((name) => [name, '*']));
  await put({ ...SOUND, 'package.json': JSON.stringify({ name: 'checked', private: true, type, bin, scripts, devDependencies }) });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));

  const check: CheckedProject['check'] = async (name, fault = {}) => {
    await put(fault);
    try {
      return await runScript(folder, `check:${name}`);
    } finally {
      for (const path of Object.keys(fault)) await rm(join(folder, path));
      await put(Object.fromEntries(Object.entries(SOUND).filter(([path]) => path in fault)));
    }
  };
  return { check, remove: () => rm(folder, { recursive: true, force: true }) };
};

const runScript = (cwd: string, script: string): Promise<CheckResult> =>
  new Promise((resolve) => {
    execFile('npm', ['run', '--silent', script], { cwd, env: { ...process.env, NO_COLOR: '1' } }, (error, stdout, stderr) => {
      resolve({ passed: !error, output: stdout + stderr });
    });
  });
