/** `pg-airlock lint`: what is wrong with manifests, and what may not be meant. */
import { parseArgs } from 'node:util';
import { Failure } from '../kernel/failure.ts';
import { type Problem, problemAt, problemText } from '../kernel/manifest/problem.ts';
import { type ManifestDocument, yamlDocuments } from '../kernel/manifest/yaml-documents.ts';
import { parseRead } from '../proxy/manifests/load-manifests.ts';
import { readManifests } from '../proxy/manifests/read-manifests.ts';
import type { CommandOutput } from './command-output.ts';
import { findings } from './lint-checks.ts';
import type { Finding, Severity } from './lint-finding.ts';
import { readLintInput } from './lint-input.ts';
import { printable } from './printable.ts';

const USAGE = `usage: pg-airlock lint --manifests DIR [--database] [--strict] [--json]

Checks a folder of manifests: what keeps it from being read, and what its policies may not mean.

  --manifests DIR   the folder of manifests that the proxy reads
  --database        connect to the databases of the policies, and check relations, columns, masks, functions and the role
  --strict          exit with 1 for warnings, too
  --json            the findings as JSON

It exits with 0 if there is no error, 1 if there is one, and 2 if that cannot be told.
`;

type Reported = { readonly severity: Severity; readonly check: string; readonly problem: Problem };

class UsageError extends Error {}

/** Where a finding's object stands. */
const documentOf = ({ kind, key }: Finding, documents: readonly ManifestDocument[]): ManifestDocument | undefined =>
  documents.find(({ value }) => {
    const { kind: its, metadata } = value as {
      readonly kind?: string;
      readonly metadata?: { readonly name?: string; readonly namespace?: string };
    };
    return its === kind && `${metadata?.namespace ?? 'default'}/${metadata?.name ?? ''}` === key;
  });

const reported = (finding: Finding, documents: readonly ManifestDocument[]): Reported => {
  const { severity, check, key, path, message, remedy } = finding;
  const document = documentOf(finding, documents) ?? { file: key, number: 1, lineOf: () => 1 };
  return { severity, check, problem: problemAt(document, { path, message, remedy }) };
};

const lint = async (directory: string, connect: boolean): Promise<readonly Reported[]> => {
  const read = await readManifests(directory);
  const { bundle, problems, warnings } = parseRead(read);
  const manifest = (severity: Severity) => (problem: Problem) => ({ severity, check: 'manifest', problem });
  const own = [...problems.map(manifest('Error')), ...warnings.map(manifest('Warning'))];
  if (bundle === undefined) return own;
  const documents = read.files.flatMap((file) => yamlDocuments(file).documents);
  const found = findings(await readLintInput(bundle, Date.now(), connect));
  return [...own, ...found.map((finding) => reported(finding, documents))];
};

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const textOf = (all: readonly Reported[]): string => {
  const lines = all.map(
    ({ severity, check, problem }) => `${severity.toLowerCase().padEnd(7)}  ${printable(problemText(problem))} [${check}]\n`,
  );
  const errors = all.filter(({ severity }) => severity === 'Error').length;
  const sum = all.length === 0 ? 'nothing found' : `${counted(errors, 'error')}, ${counted(all.length - errors, 'warning')}`;
  return `${lines.join('')}${sum}\n`;
};

const isUsageError = (error: unknown): boolean =>
  error instanceof UsageError ||
  (error instanceof TypeError && 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_PARSE_ARGS'));

const messageOf = (error: unknown): string => {
  if (!(error instanceof Failure)) return error instanceof Error ? error.message : String(error);
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  return [error.message, error.fields.detail, cause].filter((part) => part !== undefined).join(': ');
};

const run = async (args: readonly string[], output: CommandOutput): Promise<number> => {
  const flag = { type: 'boolean', default: false } as const;
  const options = { manifests: { type: 'string' }, database: flag, strict: flag, json: flag } as const;
  const { values } = parseArgs({ args: [...args], options });
  if (values.manifests === undefined) throw new UsageError('--manifests is missing');
  const all = await lint(values.manifests, values.database);
  const json = all.map(({ severity, check, problem }) => ({ severity, check, ...problem }));
  output.out(values.json ? `${JSON.stringify(json, undefined, 2)}\n` : textOf(all));
  return all.some(({ severity }) => severity === 'Error' || values.strict) ? 1 : 0;
};

/** Runs `lint ARGS`; resolves to the exit code: 0 nothing wrong, 1 errors (or warnings with --strict), 2 wrong usage or unreachable. */
export const lintCommand = async (args: readonly string[], output: CommandOutput): Promise<number> => {
  if (args.includes('--help')) {
    output.out(USAGE);
    return 0;
  }
  try {
    return await run(args, output);
  } catch (error) {
    output.err(`pg-airlock lint: ${printable(messageOf(error))}\n${isUsageError(error) ? `\n${USAGE}` : ''}`);
    return 2;
  }
};
