/**
 * Objects of a cluster to the bundle of one pod: by the same way as manifests in files.
 */
import type { Document } from '../control.ts';
import { bundleOf, type ParsedManifests, type PodAgent } from './bundle-of.ts';

/** Reads the documents that are in force for a pod. Every policy among them is for it: who selected them has matched their subjects. */
export const parseDocuments = (documents: readonly Document[], pod: PodAgent): ParsedManifests =>
  bundleOf(
    documents.map((document) => ({
      file: `${document.kind} ${document.metadata.namespace === undefined ? '' : `${document.metadata.namespace}/`}${document.metadata.name}`,
      number: undefined,
      // A copy of its own, for defaults are filled in.
      value: structuredClone(document),
      lineOf: () => undefined,
    })),
    pod,
  );
