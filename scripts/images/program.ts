/**
 * The programs: what of dist/ is in the image of each, and how it is started.
 */
import type { Image } from './oci.ts';

export const NODE_PATH = '/usr/bin/node';
export const APP_PATH = '/app';

/** `files` are files and folders of dist/; `user` is its user and its group, which the chart sets as well. */
export type Program = {
  readonly name: 'proxy' | 'operator';
  readonly entry: string;
  readonly files: readonly string[];
  readonly user: number;
};

const LICENCES = ['LICENSE', 'THIRD-PARTY-LICENSES'];

export const PROGRAMS: readonly Program[] = [
  {
    name: 'proxy',
    entry: 'pg-airlock.cjs',
    files: ['pg-airlock.cjs', 'bundle.cjs', 'bundle.compiled', 'judge-worker.cjs', 'node_modules', ...LICENCES],
    user: 20432,
  },
  { name: 'operator', entry: 'pg-airlock-operator.cjs', files: ['pg-airlock-operator.cjs', ...LICENCES], user: 65532 },
];

/** How an image is run. */
export const configOf = ({ name, entry, user }: Program, version: string): Image['config'] => ({
  User: `${user}:${user}`,
  // Without the flag, a signal opens Node's debugger on a port of localhost, which a pod's containers share.
  Entrypoint: [NODE_PATH, '--disable-sigusr1', `${APP_PATH}/${entry}`],
  WorkingDir: '/',
  Labels: {
    'org.opencontainers.image.title': `pg-airlock ${name}`,
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.licenses': 'Apache-2.0',
  },
});
