/**
 * What is below the program in the images, in two layers: Debian's libraries, and Node. Whatever is not named here is left out: there is no
 * shell, no package manager, no other program.
 */
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlOf, run, unpackDebian } from './apt.ts';
import type { InputFiles } from './inputs.ts';
import { NODE_PATH, PROGRAMS } from './program.ts';
import type { Tree, TreeEntry } from './tar.ts';

/** What is taken of each of Debian's packages, besides its licence. */
const KEPT: Readonly<Record<string, RegExp>> = {
  'base-files':
    /^(lib|lib64|etc\/(debian_version|os-release)|usr\/lib\/os-release|usr\/share\/common-licenses\/(Apache-2\.0|[AL]?GPL.*|MPL.*))$/,
  'ca-certificates': /^$/,
  'gcc-14-base': /^$/,
  libc6: /^(lib|usr\/lib)(64)?\/([^/]+-linux-gnu\/)?(ld-linux-[^/]+|lib(c|m|dl|pthread|rt|resolv)\.so\.\d+)$/,
  'libgcc-s1': /\/libgcc_s\.so\.1$/,
  'libstdc++6': /\/libstdc\+\+\.so\.6[.\d]*$/,
};

const LICENCE = /^usr\/share\/doc\/[^/]+(\/copyright)?$/;

const file = (content: Buffer | string, mode = 0o644): TreeEntry => ({ type: 'File', mode, content: Buffer.from(content) });

/** What stands at a path of this machine. */
export const entryAt = (path: string): TreeEntry => {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return { type: 'Link', target: readlinkSync(path) };
  if (stat.isDirectory()) return { type: 'Directory', mode: 0o755 };
  // The owner's right to run it is everybody's.
  return file(readFileSync(path), (stat.mode & 0o100) === 0 ? 0o644 : 0o755);
};

/** Works in a folder that is gone afterwards. */
const inFolder = <T>(work: (folder: string) => T): T => {
  const folder = mkdtempSync(join(tmpdir(), 'pg-airlock-image-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** All paths in a folder, sorted. */
export const pathsIn = (folder: string): readonly string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

const debianFiles = (name: string, path: string): readonly (readonly [string, TreeEntry])[] =>
  inFolder((folder) => {
    unpackDebian(path, folder);
    const paths = pathsIn(folder);
    const kept = paths.filter((each) => KEPT[name]?.test(each) === true || LICENCE.test(each));
    const licences = kept
      .map((each) => [each, entryAt(join(folder, each))] as const)
      .filter(([each, entry]) => !LICENCE.test(each) || entry.type !== 'Directory');
    const certificates = paths
      .filter((each) => each.startsWith('usr/share/ca-certificates/') && each.endsWith('.crt'))
      .map((each) => `${readFileSync(join(folder, each), 'utf8').trim()}\n`);
    // What scanners read, one file a package, where there is no dpkg.
    const status = [`var/lib/dpkg/status.d/${name}`, file(controlOf(path))] as const;
    if (certificates.length === 0) return [...licences, status];
    return [...licences, status, [CERTIFICATES, file(certificates.join(''))]];
  });

const CERTIFICATES = 'etc/ssl/certs/ca-certificates.crt';

/** Lines of passwd (which has the group's id too) or group. */
const users = (end: string): string =>
  PROGRAMS.map(({ name, user }) => `pg-airlock-${name}:x:${user}:${end === '' ? '' : `${user}${end}`}\n`).join('');

/** Debian's libraries, and the files that every system has. */
export const baseLayer = ({ debian }: InputFiles): Tree =>
  new Map<string, TreeEntry>([
    ...[...debian].flatMap(([name, path]) => debianFiles(name, path)),
    // Where OpenSSL looks.
    ['etc/ssl/cert.pem', { type: 'Link', target: 'certs/ca-certificates.crt' }],
    ['etc/passwd', file(`root:x:0:0:root:/:/usr/sbin/nologin\n${users('::/:/usr/sbin/nologin')}`)],
    ['etc/group', file(`root:x:0:\n${users('')}`)],
    ['etc/nsswitch.conf', file('passwd: files\ngroup: files\nhosts: files dns\n')],
  ]);

/** Node, and nothing of npm. */
export const nodeLayer = ({ node }: InputFiles): Tree =>
  inFolder((folder) => {
    run('tar', ['--extract', '--gzip', '--file', node, '--directory', folder, 'package/bin/node', 'package/LICENSE']);
    return new Map([
      // INVARIANT: who runs it may not read it, so Linux makes the process non-dumpable: another process, even one of the same user, cannot
      // read its memory, its environment or its files.
      [NODE_PATH.slice(1), file(readFileSync(join(folder, 'package/bin/node')), 0o111)],
      ['usr/share/doc/node/LICENSE', file(readFileSync(join(folder, 'package/LICENSE')))],
    ]);
  });
