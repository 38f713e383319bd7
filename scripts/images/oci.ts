/**
 * An OCI image layout as one tar archive: what `ctr images import`, `podman load`, `docker load` and `skopeo copy oci-archive:` read.
 *
 * Layers are not compressed: what gzip writes depends on the version and the processor that it runs on.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Architecture } from './lock.ts';
import { TAR_END, tarHeader, tarPadding } from './tar.ts';

/** One image for one processor; `layers` are tar archives. */
export type Image = {
  readonly architecture: Architecture;
  readonly layers: readonly Buffer[];
  /** As the OCI image configuration has it. */
  readonly config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly WorkingDir: string;
    readonly Labels: Readonly<Record<string, string>>;
  };
};

type Descriptor = {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string; readonly os: string };
  readonly annotations?: Readonly<Record<string, string>>;
};

const TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

const digestOf = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;

type Blobs = Map<string, Buffer>;

const add = (blobs: Blobs, mediaType: string, content: Buffer): Descriptor => {
  const digest = digestOf(content);
  blobs.set(digest, content);
  return { mediaType, digest, size: content.length };
};

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const addImage = (blobs: Blobs, { architecture, layers, config }: Image, time: number): Descriptor => {
  const stored = layers.map((layer) => add(blobs, TYPES.layer, layer));
  const platform = { architecture, os: 'linux' };
  const configuration = {
    created: new Date(time * 1000).toISOString().replace('.000', ''),
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: stored.map(({ digest }) => digest) },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: TYPES.manifest,
    config: add(blobs, TYPES.config, json(configuration)),
    layers: stored,
  };
  return { ...add(blobs, TYPES.manifest, json(manifest)), platform };
};

/** Where an archive goes, what its image is called (`docker.io/pg-airlock/proxy:0.1.0`), and its time in seconds. */
export type Archive = { readonly path: string; readonly name: string; readonly time: number; readonly images: readonly Image[] };

/** Writes the archive of an image for one or more processors; gives the digest that the name stands for. */
export const writeArchive = ({ path, name, time, images }: Archive): string => {
  const blobs: Blobs = new Map();
  const manifests = images.map((image) => addImage(blobs, image, time));
  const [first] = manifests;
  if (first === undefined) throw new Error('an archive has at least one image');
  const named: Descriptor =
    manifests.length === 1 ? first : add(blobs, TYPES.index, json({ schemaVersion: 2, mediaType: TYPES.index, manifests }));
  const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name.replace(/^.*:/, '') };
  const files = new Map<string, Buffer>([
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    ['index.json', json({ schemaVersion: 2, mediaType: TYPES.index, manifests: [{ ...named, annotations }] })],
    ...[...blobs]
      .map(([digest, content]) => [`blobs/${digest.replace(':', '/')}`, content] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  ]);
  const out = openSync(path, 'w');
  try {
    for (const [file, content] of files) {
      for (const part of [tarHeader(file, { type: 'File', mode: 0o644, content }, time), content, tarPadding(content.length)])
        writeAll(out, part);
    }
    writeAll(out, TAR_END);
  } finally {
    closeSync(out);
  }
  return named.digest;
};

const writeAll = (out: number, content: Buffer): void => {
  for (let at = 0; at < content.length; ) at += writeSync(out, content, at);
};
