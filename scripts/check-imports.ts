/**
 * `make check`: import boundaries, by dependency-cruiser with the rules of .dependency-cruiser.cjs.
 *
 * With a TypeScript that it cannot use, dependency-cruiser finds no modules and is content: so the number of modules is checked too.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';

type CruiseResult = {
  readonly summary: {
    readonly totalCruised: number;
    readonly totalDependenciesCruised: number;
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
      readonly cycle?: readonly { readonly name: string }[];
    }[];
  };
  readonly modules: readonly { readonly source: string }[];
};

const folders = ['kernel', 'proxy', 'operator', 'cli', 'scripts', 'test', 'bench'].filter((folder) => existsSync(folder));

const cruise = (): Promise<CruiseResult> =>
  new Promise((resolve, reject) => {
    const parameters = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...folders];
    execFile('depcruise', parameters, { maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      // depcruise's exit code is the number of violations: only its output tells whether it worked.
      if (stdout === '') reject(error ?? new Error(stderr));
      else resolve(JSON.parse(stdout) as CruiseResult);
    });
  });

const { summary, modules } = await cruise();
const blind = folders.filter((folder) => !modules.some(({ source }) => source.startsWith(`${folder}/`) && source.endsWith('.ts')));
for (const { rule, from, to, cycle } of summary.violations) {
  console.error(`${rule.name}: ${from} -> ${cycle?.map(({ name }) => name).join(' -> ') ?? to}`);
}
if (summary.totalDependenciesCruised === 0) console.error('no-modules: dependency-cruiser followed no imports');
if (blind.length > 0) console.error(`no-modules: dependency-cruiser saw nothing in ${blind.join(', ')}`);
console.log(`${summary.totalCruised} modules, ${summary.totalDependenciesCruised} imports, ${summary.violations.length} violations`);
process.exitCode = summary.violations.length > 0 || blind.length > 0 || summary.totalDependenciesCruised === 0 ? 1 : 0;
