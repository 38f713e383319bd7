/**
 * `make check`: package-lock.json lists the optional packages of every platform, not only of the one that it was written on.
 *
 * A registry mirror that has only some platforms makes `npm install` leave the others out, and then `npm ci` refuses the file.
 * With `--write` what is missing is put back: name, version and platform are enough for npm to skip it, or to fetch it where it fits.
 */
import { readFileSync, writeFileSync } from 'node:fs';

type LockedPackage = {
  readonly version: string;
  readonly optional?: true;
  readonly dev?: true;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

const FILE = 'package-lock.json';
const OPERATING_SYSTEMS: Readonly<Record<string, string>> = {
  aix: 'aix',
  android: 'android',
  darwin: 'darwin',
  freebsd: 'freebsd',
  linux: 'linux',
  netbsd: 'netbsd',
  openbsd: 'openbsd',
  openharmony: 'openharmony',
  sunos: 'sunos',
  win32: 'win32',
  windows: 'win32',
};
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];
const LIBRARIES: Readonly<Record<string, string>> = { musl: 'musl', musleabihf: 'musl', gnu: 'glibc', gnueabihf: 'glibc' };

/** What a name such as `@biomejs/cli-linux-x64-musl` says; undefined where it names no platform. */
const platformOf = (name: string): Pick<LockedPackage, 'os' | 'cpu' | 'libc'> | undefined => {
  const words = name.split(/[/-]/);
  const os = words.flatMap((word) => OPERATING_SYSTEMS[word] ?? []);
  const cpu = words.filter((word) => PROCESSORS.includes(word));
  const libc = words.flatMap((word) => LIBRARIES[word] ?? []);
  if (os.length === 0 && cpu.length === 0) return undefined;
  return { ...(os.length > 0 && { os }), ...(cpu.length > 0 && { cpu }), ...(libc.length > 0 && { libc }) };
};

/** Where `name` is found from the package at `path`, as Node resolves it. */
const lookUp = (packages: Readonly<Record<string, LockedPackage>>, path: string, name: string): string | undefined => {
  const candidate = `${path === '' ? '' : `${path}/`}node_modules/${name}`;
  if (candidate in packages) return candidate;
  const parent = path.lastIndexOf('node_modules/');
  return parent < 0 ? undefined : lookUp(packages, path.slice(0, Math.max(parent - 1, 0)), name);
};

const missingFrom = (packages: Readonly<Record<string, LockedPackage>>): Map<string, LockedPackage> => {
  const missing = new Map<string, LockedPackage>();
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, range] of Object.entries(optionalDependencies)) {
      const platform = platformOf(name);
      const version = range.replace(/^[~^]/, '');
      const found = lookUp(packages, path, name);
      if (!platform || (found !== undefined && packages[found]?.version.split('.')[0] === version.split('.')[0])) continue;
      const at = found === undefined ? `node_modules/${name}` : `${path}/node_modules/${name}`;
      // Two versions of one package: the first that needs it has it on top, the others have their own.
      const own = missing.has(at) && missing.get(at)?.version !== version ? `${path}/node_modules/${name}` : at;
      missing.set(own, { version, ...platform, ...(dev && { dev }), optional: true });
    }
  }
  return missing;
};

const lock = JSON.parse(readFileSync(FILE, 'utf8')) as { packages: Record<string, LockedPackage> };
const missing = missingFrom(lock.packages);
if (missing.size > 0 && process.argv.includes('--write')) {
  const packages = Object.entries({ ...lock.packages, ...Object.fromEntries(missing) }).sort(([a], [b]) => a.localeCompare(b, 'en'));
  writeFileSync(FILE, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`);
  console.log(`${missing.size} packages of other platforms added to ${FILE}`);
} else if (missing.size > 0) {
  console.error(`${FILE} lacks ${missing.size} packages of other platforms: ${[...missing.keys()].join(', ')}`);
  console.error('run: node scripts/check-lockfile.ts --write');
  process.exitCode = 1;
}
