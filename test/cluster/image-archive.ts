/**
 * Images for tests, without a registry: OCI archives of layers that lie there as tar files.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from '../support/postgres-binaries.ts';

export type Image = {
  /** With registry, or `docker.io/library` is meant: `pg-airlock.test/agent:1`. */
  readonly name: string;
  /** Paths of uncompressed tar files, the lowest first. */
  readonly layers: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly user?: string;
};

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Writes the image as an OCI archive, for `ctr images import` and its like. */
export const writeImageArchive = async (path: string, { name, layers, entrypoint = [], user = '' }: Image): Promise<void> => {
  const folder = await mkdtemp(join(dirname(path), 'image-'));
  const blobs = join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const put = async (mediaType: string, value: object): Promise<object> => {
    const text = JSON.stringify(value);
    const digest = createHash('sha256').update(text).digest('hex');
    await writeFile(join(blobs, digest), text);
    return { mediaType: `application/vnd.oci.image.${mediaType}`, digest: `sha256:${digest}`, size: Buffer.byteLength(text) };
  };
  try {
    const contents: { digest: string; size: number }[] = [];
    for (const layer of layers) {
      const content = await digestOf(layer);
      await link(layer, join(blobs, content.digest)).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      });
      contents.push(content);
    }
    const platform = { architecture: ARCHITECTURES[process.arch] ?? process.arch, os: 'linux' };
    const environment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];
    const config = await put('config.v1+json', {
      ...platform,
      config: { Entrypoint: entrypoint, Env: environment, User: user },
      rootfs: { type: 'layers', diff_ids: contents.map(({ digest }) => `sha256:${digest}`) },
    });
    const manifest = await put('manifest.v1+json', {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config,
      layers: contents.map(({ digest, size }) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
        digest: `sha256:${digest}`,
        size,
      })),
    });
    const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name };
    await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations, platform }] }));
    await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    await run('tar', ['-cf', path, '-C', folder, 'oci-layout', 'index.json', 'blobs'], undefined);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const digestOf = async (path: string): Promise<{ digest: string; size: number }> => {
  const hash = createHash('sha256');
  let size = 0;
  await pipeline(createReadStream(path), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      hash.update(chunk);
      size += chunk.length;
    }
  });
  return { digest: hash.digest('hex'), size };
};
