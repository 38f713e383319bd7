/**
 * An OCI archive as it is on disk, read with tar and nothing of what wrote it.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One entry of a layer, as `tar --list --verbose --numeric-owner` has it. */
export type LayerEntry = { readonly mode: string; readonly owner: string; readonly path: string };

export type ArchivedImage = {
  readonly config: Readonly<Record<string, unknown>>;
  readonly layers: readonly (readonly LayerEntry[])[];
  /** Bytes of all layers. */
  readonly size: number;
  /** Unpacks all layers into a folder. */
  readonly unpack: (folder: string) => void;
};

type Descriptor = {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
  readonly annotations?: Record<string, string>;
};
type Manifest = { readonly config: Descriptor; readonly layers: readonly Descriptor[]; readonly manifests?: readonly Descriptor[] };

const run = (...args: readonly string[]): string => execFileSync('tar', args, { encoding: 'utf8', maxBuffer: 2 ** 26 });

const entriesOf = (path: string): readonly LayerEntry[] =>
  run('--list', '--verbose', '--numeric-owner', '--file', path)
    .trim()
    .split('\n')
    .map((line) => {
      const [mode = '', owner = '', , , , ...path] = line.split(/\s+/);
      return { mode, owner, path: path.join(' ') };
    });

/** The images of an archive, unpacked into a folder for reading; the digest that its name stands for; and its name. */
export const readOciArchive = (
  path: string,
  folder: string,
): { readonly name: string | undefined; readonly digest: string; readonly images: readonly ArchivedImage[] } => {
  mkdirSync(folder, { recursive: true });
  run('--extract', '--file', path, '--directory', folder);
  const blob = (digest: string): string => join(folder, 'blobs', digest.replace(':', '/'));
  const json = (file: string): Manifest => JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  const named = json(join(folder, 'index.json')).manifests?.[0];
  if (named === undefined) throw new Error(`${path} has no image`);
  const top = json(blob(named.digest));
  const manifests = top.manifests?.map(({ digest }) => json(blob(digest))) ?? [top];
  return {
    name: named.annotations?.['io.containerd.image.name'],
    digest: named.digest,
    images: manifests.map(({ config, layers }) => ({
      config: JSON.parse(readFileSync(blob(config.digest), 'utf8')) as Record<string, unknown>,
      layers: layers.map(({ digest }) => entriesOf(blob(digest))),
      size: layers.reduce((sum, { size }) => sum + size, 0),
      unpack: (to) => {
        mkdirSync(to, { recursive: true });
        for (const { digest } of layers) run('--extract', '--preserve-permissions', '--file', blob(digest), '--directory', to);
      },
    })),
  };
};
