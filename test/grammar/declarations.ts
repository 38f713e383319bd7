/** What each grammar's own declarations say of its nodes. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export type GrammarVersion = 15 | 16 | 17 | 18;

export const GRAMMAR_VERSIONS: readonly GrammarVersion[] = [15, 16, 17, 18];

const PACKAGES: Readonly<Record<GrammarVersion, string>> = {
  15: 'libpg-query-15',
  16: 'libpg-query-16',
  17: 'libpg-query-17',
  18: 'libpg-query',
};

/** Tag to its fields, and each field to its type in TypeScript. */
export type Declarations = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** The declarations of one grammar, out of the package that its own package asks for. */
export const declarationsOf = (version: GrammarVersion): Declarations => {
  const grammar = createRequire(import.meta.url).resolve(`${PACKAGES[version]}/wasm/libpg-query.js`);
  const types = createRequire(grammar)
    .resolve('@pgsql/types')
    .replace(/index\.js$/, 'types.d.ts');
  const found = new Map<string, Map<string, string>>();
  for (const [, tag, body] of readFileSync(types, 'utf8').matchAll(/^export interface (\w+) \{\n([\s\S]*?)^\}/gm)) {
    const fields = [...(body ?? '').matchAll(/^\s+"?(\w+)"?\?: ([^;]+);/gm)];
    found.set(tag ?? '', new Map(fields.map(([, field, type]) => [field ?? '', type ?? ''])));
  }
  return found;
};
