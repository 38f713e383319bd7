/** Finds where an audit directory's chain ends, so that it can go on there. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ChainPoint, GENESIS } from '../../kernel/audit-chain.ts';
import { type SegmentReport, verifySegments } from '../../kernel/audit-verify.ts';
import { auditUnavailable } from '../../kernel/failure.ts';
import { listSegments, type SegmentFile, segmentFileName, segmentSource } from './segment-files.ts';

/** The end of the chain: the segment to go on with, where in it the intact lines end, and how many torn bytes follow there. */
export type ChainEnd = { readonly segment: SegmentFile; readonly offset: number; readonly point: ChainPoint; readonly tornBytes: number };

/** Makes what was created or removed in a directory durable. */
export const syncDirectory = async (directory: string): Promise<void> => {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Opens a segment for appending. */
export const openSegment = (path: string): Promise<FileHandle> => open(path, constants.O_APPEND | constants.O_RDWR);

/** Opens a segment that has no lines yet, and creates it where it is missing. */
export const createSegment = async (path: string): Promise<FileHandle> => {
  const handle = await open(path, constants.O_APPEND | constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    await syncDirectory(dirname(path));
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
};

const examine = async (segment: SegmentFile): Promise<SegmentReport | undefined> => {
  let report: SegmentReport | undefined;
  for await (const item of verifySegments([segmentSource(segment)], { after: 'Anywhere' })) {
    if (item.type === 'Segment') report = item;
    else if (item.kind !== 'Torn') {
      throw auditUnavailable(
        `The audit log is damaged: ${item.file}, line ${item.line}: ${item.detail}. ` +
          'Keep it as evidence: move the directory away, and start with an empty one.',
      );
    }
  }
  return report;
};

/** Reads the last segment, and the one before where the last was never begun. Rejects with a Failure where it is damaged. */
export const findChainEnd = async (directory: string): Promise<ChainEnd> => {
  const segments = await listSegments(directory);
  const segment = segments.at(-1);
  if (segment === undefined) {
    const file = segmentFileName(1);
    return { segment: { number: 1, file, path: join(directory, file) }, offset: 0, point: GENESIS, tornBytes: 0 };
  }
  const report = await examine(segment);
  const tornBytes = (report?.bytes ?? 0) - (report?.intactBytes ?? 0);
  if (report?.last !== undefined) return { segment, offset: report.intactBytes, point: report.last, tornBytes };
  const before = segments.at(-2);
  if (before === undefined && segment.number === 1) return { segment, offset: 0, point: GENESIS, tornBytes };
  const last = before === undefined ? undefined : (await examine(before))?.last;
  if (last === undefined) throw auditUnavailable(`The audit log is damaged: nothing stands before ${segment.file}, which is empty.`);
  return { segment, offset: 0, point: last, tornBytes };
};
