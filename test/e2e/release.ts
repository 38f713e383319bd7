/**
 * The release and the shop, for tests that need them there.
 */
import { CHART, helm, helmDone, kubectl, RELEASE, SYSTEM } from './environment.ts';
import { giveAccess, startShop } from './shop.ts';

/** `helm install`, as it stands in the README. */
export const INSTALL = ['install', RELEASE, CHART, '--namespace', SYSTEM, '--create-namespace', '--wait', '--timeout', '3m'];

/** Sees to it that release, database, connection and policy are there: the first test that asks waits for them. */
export const installed = async (): Promise<void> => {
  if ((await helm(['status', RELEASE, '--namespace', SYSTEM])).code !== 0) await helmDone(INSTALL).catch(whatThePodsSay);
  await startShop();
  await giveAccess();
};

const whatThePodsSay = async (error: unknown): Promise<never> => {
  const { stdout } = await kubectl(['describe', 'pods', '-n', SYSTEM]);
  const { stdout: log } = await kubectl([
    'logs',
    '-n',
    SYSTEM,
    '--all-containers',
    '--tail=20',
    '-l',
    'app.kubernetes.io/component=operator',
  ]);
  throw new Error(`${String(error)}\n${stdout.slice(-3000)}\n${log}`);
};
