/**
 * Each check of `make check` passes a sound project and finds a planted fault: a check that cannot fail checks nothing.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckedProject, createCheckedProject } from './project.ts';

type Fault = {
  readonly check: string;
  /** What the check's output has to name. */
  readonly finds: string;
  readonly file: string;
  readonly text: string;
};

const SESSION = 'proxy/session/fault.ts';
const exporting = (text: string): string => `export const fault = ${text};\n`;

const FAULTS: readonly Fault[] = [
  { check: 'types', finds: 'TS2322', file: SESSION, text: "export const fault: number = 'one';\n" },
  { check: 'types', finds: 'TS1294', file: SESSION, text: 'export enum Fault {\n  One,\n}\n' },
  { check: 'format', finds: SESSION, file: SESSION, text: 'export const fault = "one"\n' },
  { check: 'lint', finds: 'no-debugger', file: SESSION, text: 'export const fault = (): void => {\n  debugger;\n};\n' },
  { check: 'lint', finds: 'no-console', file: SESSION, text: "console.log('one');\n" },
  { check: 'lint', finds: 'no-default-export', file: SESSION, text: 'export default 1;\n' },
  { check: 'lint', finds: 'filename-case', file: 'proxy/session/bigFault.ts', text: exporting('1') },
  { check: 'lint', finds: 'no-process-env', file: SESSION, text: exporting("process.env['HOME']") },
  { check: 'lint', finds: 'max-lines', file: SESSION, text: exporting('1') + '// more\n'.repeat(400) },
  { check: 'lint', finds: 'no-restricted-globals', file: 'kernel/fault.ts', text: exporting('process.pid') },
  { check: 'lint', finds: 'no-restricted-properties', file: 'proxy/policy/fault.ts', text: exporting('Date.now()') },
  { check: 'lint', finds: 'no-restricted-imports', file: 'proxy/sql/fault.ts', text: "export { randomBytes } from 'node:crypto';\n" },
  // These need types.
  { check: 'lint', finds: 'no-floating-promises', file: SESSION, text: 'export const fault = (): void => {\n  Promise.resolve(1);\n};\n' },
  {
    check: 'lint',
    finds: 'no-misused-promises',
    file: SESSION,
    text: 'export const fault = [1].filter(async (value) => Promise.resolve(value > 1));\n',
  },
  {
    check: 'lint',
    finds: 'switch-exhaustiveness-check',
    file: SESSION,
    text: "export const fault = (kind: 'a' | 'b'): void => {\n  switch (kind) {\n    case 'a':\n      break;\n  }\n};\n",
  },
  { check: 'imports', finds: 'kernel-imports-only-kernel', file: 'kernel/fault.ts', text: "import '../proxy/session/greet.ts';\n" },
  { check: 'imports', finds: 'pure-does-no-io', file: 'proxy/wire/fault.ts', text: "import 'node:net';\n" },
  {
    check: 'imports',
    finds: 'pure-does-no-io',
    file: 'kernel/fault.ts',
    text: "import type { Stats } from 'node:fs';\nexport type Fault = Stats;\n",
  },
  { check: 'imports', finds: 'proxy-and-operator-are-strangers', file: 'operator/fault.ts', text: "import '../proxy/session/greet.ts';\n" },
  {
    check: 'imports',
    finds: 'one-folder-knows-the-kubernetes-client',
    file: 'operator/fault.ts',
    text: "import '@kubernetes/client-node';\n",
  },
  {
    check: 'imports',
    finds: 'main-composes-the-operator',
    file: 'operator/control/start-control.ts',
    text: "import './start-control.ts';\n",
  },
  { check: 'imports', finds: 'nobody-imports-main', file: SESSION, text: "import '../main.ts';\n" },
  { check: 'imports', finds: 'cli-starts-only-the-proxy', file: 'cli/main.ts', text: "import '../test/main.ts';\n" },
  { check: 'imports', finds: 'nobody-imports-cli', file: SESSION, text: "import '../../cli/main.ts';\n" },
  { check: 'imports', finds: 'production-never-imports-tests', file: SESSION, text: "import '../../test/support/constant.ts';\n" },
  { check: 'imports', finds: 'production-never-imports-tests', file: SESSION, text: "import './greet.test.ts';\n" },
  { check: 'imports', finds: 'production-never-imports-dev-dependencies', file: SESSION, text: "import 'pg';\n" },
  {
    check: 'imports',
    finds: 'no-cycles',
    file: 'kernel/greeting.ts',
    text: "import '../proxy/session/greet.ts';\nexport const greeting = String;\n",
  },
  { check: 'imports', finds: 'everything-resolves', file: SESSION, text: "import './nothing.ts';\n" },
  { check: 'imports', finds: 'no-modules', file: 'operator/fault.json', text: '{}\n' },
  { check: 'unused', finds: SESSION, file: SESSION, text: exporting('1') },
  {
    check: 'unused',
    finds: 'farewell',
    file: 'kernel/greeting.ts',
    text: 'export const greeting = (name: string): string => name;\nexport const farewell = 1;\n',
  },
  { check: 'unused', finds: 'pg ', file: 'test/constant.test.ts', text: "import './support/constant.ts';\n" },
  {
    check: 'lockfile',
    finds: 'node_modules/tool-linux-x64',
    file: 'package-lock.json',
    text: JSON.stringify({ packages: { 'node_modules/tool': { version: '1.0.0', optionalDependencies: { 'tool-linux-x64': '1.0.0' } } } }),
  },
];

describe('make check', () => {
  let project: CheckedProject;
  beforeAll(async () => {
    project = await createCheckedProject();
  });
  afterAll(() => project.remove());

  it.each(['types', 'format', 'lint', 'imports', 'unused', 'lockfile'])('passes a sound project: %s', async (name) => {
    expect(await project.check(name)).toEqual({ passed: true, output: expect.any(String) as string });
  });

  it.each(FAULTS)('$check finds $finds in $file', async ({ check, finds, file, text }) => {
    const { passed, output } = await project.check(check, { [file]: text });
    expect({ passed, output }).toEqual({ passed: false, output: expect.stringContaining(finds) as string });
  });
});
