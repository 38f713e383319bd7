/**
 * What images are made of, by digest: `inputs.lock.json`. With the same inputs and the same sources, an image has the same digest.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ARCHITECTURES = ['amd64', 'arm64'] as const;

/** A processor, by Debian's and the OCI's name for it. */
export type Architecture = (typeof ARCHITECTURES)[number];

/** A package of Debian's. */
export type DebianInput = { readonly name: string; readonly version: string; readonly file: string; readonly sha256: string };

/** npm's package of one Node binary. */
export type NodeInput = { readonly name: string; readonly version: string; readonly integrity: string };

/** All inputs of one architecture. */
export type Inputs = { readonly node: NodeInput; readonly debian: readonly DebianInput[] };

/** `suite` is the release of Debian that the packages come from. */
export type Lock = { readonly suite: string; readonly architectures: Readonly<Record<Architecture, Inputs>> };

export const LOCK_FILE = join(import.meta.dirname, 'inputs.lock.json');

export const readLock = (): Lock => JSON.parse(readFileSync(LOCK_FILE, 'utf8')) as Lock;
