/**
 * `make images`: OCI archives of proxy and operator, from Debian's and npm's packages: `node scripts/build-images.ts [folder]`.
 * With --lock it renews the list of inputs, with --root-files FOLDER it writes what is in the images as plain files, for the Dockerfile.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type BundledPackage, PACKAGES_FILE } from './bundled-packages.ts';
import { ImageError } from './images/apt.ts';
import { fetchInputs, renewLock } from './images/inputs.ts';
import { baseLayer, entryAt, nodeLayer, pathsIn } from './images/layers.ts';
import { ARCHITECTURES, type Architecture, type Inputs } from './images/lock.ts';
import { writeArchive } from './images/oci.ts';
import { APP_PATH, configOf, type Program, PROGRAMS } from './images/program.ts';
import { sbomOf } from './images/sbom.ts';
import { tarOf, type Tree } from './images/tar.ts';

const ROOT = join(import.meta.dirname, '..');

const HERE: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** The bundle. */
    dist: { type: 'string', default: join(ROOT, 'dist') },
    lock: { type: 'boolean', default: false },
    /** Where Debian no longer has a package of the lock: its newest version. */
    'or-newest': { type: 'boolean', default: process.env['NEWEST'] === '1' },
    'root-files': { type: 'string' },
    architectures: { type: 'string', default: HERE },
    /** What stands before `/proxy:VERSION` in the images' names. */
    prefix: { type: 'string', default: 'docker.io/pg-airlock' },
  },
});

const architecturesOf = (text: string): readonly Architecture[] =>
  text.split(/[\s,]+/).map((each) => {
    const known = ARCHITECTURES.find((architecture) => architecture === each);
    if (known === undefined) throw new ImageError(`no such architecture: ${each} (there are ${ARCHITECTURES.join(' and ')})`);
    return known;
  });

const assertBuilt = (): void => {
  const missing = PROGRAMS.find(({ entry }) => !existsSync(join(values.dist, entry)));
  if (missing !== undefined) throw new ImageError(`${join(values.dist, missing.entry)} is missing: run \`make build\``);
};

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };

/** What V8 has compiled is left out where it is of another processor: the start takes longer there. */
const programLayer = (program: Program, architecture: Architecture): Tree =>
  new Map(
    pathsIn(values.dist)
      .filter((path) => program.files.some((each) => path === each || path.startsWith(`${each}/`)))
      .filter((path) => architecture === HERE || !path.endsWith('.compiled'))
      .map((path) => [path, entryAt(join(values.dist, path))] as const)
      // Node reads them: none is a program by itself.
      .map(([path, entry]) => [`${APP_PATH.slice(1)}/${path}`, entry.type === 'File' ? { ...entry, mode: 0o644 } : entry]),
  );

type Layers = {
  readonly architecture: Architecture;
  readonly inputs: Inputs;
  readonly shared: readonly Tree[];
  readonly programs: ReadonlyMap<Program, Tree>;
};

const layersFor = (architecture: Architecture): Layers => {
  const tell = (text: string): void => void process.stderr.write(`images: ${text}\n`);
  const files = fetchInputs(ROOT, architecture, { allowed: values['or-newest'], tell });
  return {
    architecture,
    inputs: files.inputs,
    shared: [baseLayer(files), nodeLayer(files)],
    programs: new Map(PROGRAMS.map((program) => [program, programLayer(program, architecture)])),
  };
};

const writeArchives = (folder: string, architectures: readonly Architecture[]): void => {
  mkdirSync(folder, { recursive: true });
  const time = Number(process.env['SOURCE_DATE_EPOCH'] ?? 0);
  const all = architectures.map(layersFor);
  const packages = JSON.parse(readFileSync(join(values.dist, PACKAGES_FILE), 'utf8')) as Readonly<
    Record<Program['name'], readonly BundledPackage[]>
  >;
  const shared = all.map((layers) => layers.shared.map((tree) => tarOf(tree, time)));
  for (const program of PROGRAMS) {
    const path = join(folder, `pg-airlock-${program.name}.tar`);
    const images = all.map(({ architecture, programs: own }, index) => ({
      architecture,
      layers: [...(shared[index] ?? []), tarOf(own.get(program) ?? new Map(), time)],
      config: configOf(program, version),
    }));
    const digest = writeArchive({ path, name: `${values.prefix}/${program.name}:${version}`, time, images });
    writeFileSync(
      join(folder, `pg-airlock-${program.name}.spdx.json`),
      sbomOf({
        name: `pg-airlock-${program.name}`,
        version,
        digest,
        time,
        inputs: new Map(all.map(({ architecture, inputs }) => [architecture, inputs])),
        packages: packages[program.name],
      }),
    );
    const megabytes = (statSync(path).size / 1e6).toFixed(1);
    process.stdout.write(`${path}  ${digest}  ${megabytes} MB (${architectures.join(', ')})\n`);
  }
};

/** Folders of one layer each: `base`, `node`, `proxy`, `operator`. */
const writeRootFiles = (folder: string, architecture: Architecture): void => {
  const { shared, programs: own } = layersFor(architecture);
  const [base = new Map(), node = new Map()] = shared;
  const named = [['base', base], ['node', node], ...[...own].map(([{ name }, tree]) => [name, tree])] as readonly (readonly [
    string,
    Tree,
  ])[];
  for (const [name, tree] of named) {
    for (const [path, entry] of tree) {
      const to = join(folder, name, path);
      mkdirSync(entry.type === 'Directory' ? to : dirname(to), { recursive: true });
      if (entry.type === 'Link') symlinkSync(entry.target, to);
      else {
        if (entry.type === 'File') writeFileSync(to, entry.content);
        chmodSync(to, entry.mode);
      }
    }
  }
};

try {
  const architectures = architecturesOf(values.architectures);
  if (!values.lock) assertBuilt();
  if (values.lock) renewLock(ROOT);
  else if (values['root-files'] === undefined) writeArchives(resolve(positionals[0] ?? join(values.dist, 'images')), architectures);
  else writeRootFiles(resolve(values['root-files']), architectures[0] ?? HERE);
} catch (error) {
  if (!(error instanceof ImageError)) throw error;
  process.stderr.write(`images: ${error.message}\n`);
  process.exitCode = 1;
}
