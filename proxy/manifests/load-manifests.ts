/**
 * A folder of manifests to a bundle, once.
 */
import type { ParsedManifests } from '../../kernel/manifest/bundle-of.ts';
import { parseManifests } from '../../kernel/manifest/parse-manifests.ts';
import { fileProblem } from '../../kernel/manifest/problem.ts';
import { type ReadManifests, readManifests } from './read-manifests.ts';

/** What files that were read say. A file that could not be read may hold what the others need, and so leaves no bundle. Never throws. */
export const parseRead = ({ files, problems }: ReadManifests): ParsedManifests => {
  if (problems.length > 0) return { bundle: undefined, problems, warnings: [] };
  try {
    return parseManifests(files);
  } catch {
    // Without the error's text, which may hold what a Secret holds.
    const problem = fileProblem('.', 'pg-airlock failed to read the manifests', 'This is a fault of pg-airlock: please report it.');
    return { bundle: undefined, problems: [problem], warnings: [] };
  }
};

/** Reads and parses the manifests of a folder. */
export const loadManifests = async (directory: string): Promise<ParsedManifests> => parseRead(await readManifests(directory));
