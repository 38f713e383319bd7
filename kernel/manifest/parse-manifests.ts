/**
 * Manifests to a bundle. Things start here: text, documents, each valid on its own, then together.
 */
import { bundleOf, type ParsedManifests } from './bundle-of.ts';
import { resourcesOf } from './resources.ts';
import { type ManifestFile, yamlDocuments } from './yaml-documents.ts';

/** Reads files of manifests. Pure: the same files give the same bundle, in whatever order. */
export const parseManifests = (files: readonly ManifestFile[]): ParsedManifests => {
  const read = files.map(yamlDocuments);
  const documents = read.flatMap((file) => file.documents);
  const unreadable = read.flatMap((file) => file.problems);
  if (unreadable.length === 0) return bundleOf(documents);
  // A file that cannot be read may hold what the others refer to: its own problem says it all.
  const { problems, warnings } = resourcesOf(documents);
  return { bundle: undefined, problems: [...unreadable, ...problems], warnings };
};
