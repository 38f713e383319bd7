/**
 * Files out of a ZIP archive (PKWARE's APPNOTE, without ZIP64, encryption and several disks).
 */
import { inflateRawSync } from 'node:zlib';

const END_OF_DIRECTORY = 0x06054b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const DEFLATED = 8;

/** The content of one file of the archive; undefined where it has none of that name. */
export const unzip = (archive: Buffer, name: string): Buffer | undefined => {
  let end = archive.length - END_BYTES;
  while (end >= 0 && archive.readUInt32LE(end) !== END_OF_DIRECTORY) end--;
  if (end < 0) throw new Error('not a ZIP archive');
  let entry = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = archive.readUInt16LE(entry + 28);
    const path = archive.toString('utf8', entry + ENTRY_BYTES, entry + ENTRY_BYTES + nameLength);
    if (path === name) return content(archive, entry);
    entry += ENTRY_BYTES + nameLength + archive.readUInt16LE(entry + 30) + archive.readUInt16LE(entry + 32);
  }
  return undefined;
};

const content = (archive: Buffer, entry: number): Buffer => {
  const local = archive.readUInt32LE(entry + 42);
  const start = local + LOCAL_BYTES + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const stored = archive.subarray(start, start + archive.readUInt32LE(entry + 20));
  return archive.readUInt16LE(entry + 10) === DEFLATED ? inflateRawSync(stored) : stored;
};
