/** The segment files of an audit directory: names, order, reading. */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SegmentSource } from '../../kernel/audit-verify.ts';

/** A segment's number and where it is. */
export type SegmentFile = { readonly number: number; readonly file: string; readonly path: string };

/** The file name of a segment: `audit-00000001.jsonl`. */
export const segmentFileName = (number: number): string => `audit-${String(number).padStart(8, '0')}.jsonl`;

/** A directory's segments in the order of their numbers. */
export const listSegments = async (directory: string): Promise<readonly SegmentFile[]> => {
  const files = await readdir(directory);
  return files
    .map((file) => ({ file, number: Number(/^audit-([0-9]{8,15})\.jsonl$/.exec(file)?.[1] ?? 0), path: join(directory, file) }))
    .filter(({ number }) => number > 0)
    .sort((left, right) => left.number - right.number);
};

/** A segment's content for `verifySegments`. */
export const segmentSource = ({ number, file, path }: SegmentFile): SegmentSource => ({
  number,
  file,
  chunks: createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>,
});
