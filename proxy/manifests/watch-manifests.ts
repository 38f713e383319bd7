/**
 * Follows a folder of manifests. A change is in force well within a second; what is invalid is reported and changes nothing.
 */
import type { Problem } from '../../kernel/manifest/problem.ts';
import type { Bundle } from '../../kernel/policy.ts';
import { type FollowTiming, followFolder } from '../follow-folder.ts';
import { parseRead } from './load-manifests.ts';
import { manifestSignature, readManifests } from './read-manifests.ts';

export type ManifestListeners = {
  /** A bundle with another revision, or the same after problems were repaired. */
  readonly onBundle: (bundle: Bundle, warnings: readonly Problem[]) => void;
  /** What is in the folder is not valid: the last bundle stays in force. Told once for each state of the folder. */
  readonly onProblems: (problems: readonly Problem[], warnings: readonly Problem[]) => void;
};

const TIMING: FollowTiming = { poll: 400, settle: 150 };

type State = {
  /** The state of the folder that was read last. */
  read: string | undefined;
  revision: string | undefined;
  repaired: boolean;
};

const readInto = async (directory: string, listeners: ManifestListeners, state: State): Promise<void> => {
  const read = await readManifests(directory);
  // A file that changed while it was read, or since: what was read is no state that ever was.
  if (state.read !== undefined && read.signature !== (await manifestSignature(directory))) return;
  state.read = read.signature;
  const { bundle, problems, warnings } = parseRead(read);
  if (bundle === undefined) {
    state.repaired = false;
    listeners.onProblems(problems, warnings);
    return;
  }
  if (bundle.revision === state.revision && state.repaired) return;
  state.revision = bundle.revision;
  state.repaired = true;
  listeners.onBundle(bundle, warnings);
};

/** Follows a folder until `stop`. What is there at first has been told to a listener when the promise resolves. */
export const watchManifests = async (
  directory: string,
  listeners: ManifestListeners,
  timing: FollowTiming = TIMING,
): Promise<{ readonly stop: () => void }> => {
  const state: State = { read: undefined, revision: undefined, repaired: true };
  await readInto(directory, listeners, state);

  let stopped = false;
  const listening: ManifestListeners = {
    onBundle: (...told) => stopped || listeners.onBundle(...told),
    onProblems: (...told) => stopped || listeners.onProblems(...told),
  };
  const unfollow = followFolder(
    {
      directory,
      signature: () => manifestSignature(directory),
      read: () => state.read,
      readAgain: () => readInto(directory, listening, state),
    },
    timing,
  );
  return {
    stop: () => {
      stopped = true;
      unfollow();
    },
  };
};
