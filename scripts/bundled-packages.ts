/**
 * The packages of npm that are in a bundle, and what their licences ask for.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Metafile } from 'esbuild';

/** A package in the bundle; `license` is what its package.json says. */
export type BundledPackage = { readonly name: string; readonly version: string; readonly license: string };

/** Where the packages are listed in dist/, by the name of the image that they are in. */
export const PACKAGES_FILE = 'packages.json';

/** Folders of the packages that are in the bundles. */
export const packageFolders = (...metafiles: readonly Metafile[]): readonly string[] => {
  const paths = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  return [...new Set(paths.flatMap((path) => /^[^:]*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []))].sort();
};

/** Name, version and licence of the package in a folder. */
export const packageAt = (folder: string): BundledPackage => {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as BundledPackage;
  return { name, version, license };
};

/** What the licences of the packages ask for: that their texts go along. */
export const licencesOf = (root: string, folders: readonly string[]): string =>
  folders
    .map((folder) => {
      const path = resolve(root, folder);
      const { name, version, license } = packageAt(path);
      const files = readdirSync(path).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
      const texts = files.map((file) => readFileSync(join(path, file), 'utf8').trim());
      return [`${name} ${version} (${license})`, ...texts].join('\n\n');
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`);
