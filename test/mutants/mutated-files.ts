/**
 * Stryker's mutants of some files: each file with all of its mutants in it, of which one at a time is switched on.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

type Place = { readonly line: number; readonly column: number };

/** Lines and columns count from 0. */
export type Mutant = {
  readonly id: string;
  readonly fileName: string;
  readonly mutatorName: string;
  readonly replacement: string;
  /** Set where it is left out. */
  readonly status?: 'Ignored';
  readonly location: { readonly start: Place; readonly end: Place };
};

type SourceFile = { readonly name: string; readonly mutate: true; readonly content: string };

type Instrumenter = {
  instrument(
    files: readonly SourceFile[],
    options: { readonly plugins: null; readonly ignorers: readonly []; readonly excludedMutations: readonly string[] },
  ): Promise<{ readonly files: readonly SourceFile[]; readonly mutants: readonly Mutant[] }>;
};

type Constructor = new (logger: object) => Instrumenter;

/** Left out: a text's every word is a mutant, and most texts are for people. */
export const LEFT_OUT = ['StringLiteral'];

/** `packages`: the folder that has `@stryker-mutator/instrumenter`. */
export const mutatedFiles = async (
  packages: string,
  files: Readonly<Record<string, string>>,
): Promise<ReturnType<Instrumenter['instrument']>> => {
  const path = createRequire(join(packages, 'package.json')).resolve('@stryker-mutator/instrumenter');
  const { createInstrumenter } = (await import(pathToFileURL(path).href)) as { createInstrumenter: (injector: object) => Instrumenter };
  const quiet = { debug: () => undefined, info: () => undefined, warn: console.warn, isDebugEnabled: () => false };
  const injector = { provideValue: () => injector, injectClass: (type: Constructor) => new type(quiet) };
  const sources = Object.entries(files).map(([name, content]) => ({ name, content, mutate: true as const }));
  return createInstrumenter(injector).instrument(sources, { plugins: null, ignorers: [], excludedMutations: LEFT_OUT });
};
