/** `pg-airlock audit verify`: the segments, what is wrong with them, and where the chain ends. */
import type { AuditLine } from '../kernel/audit-chain.ts';
import { type Finding, type SegmentReport, type VerifyOptions, verifySegments } from '../kernel/audit-verify.ts';
import { listSegments, type SegmentFile, segmentSource } from '../proxy/audit/segment-files.ts';
import type { CommandOutput } from './command-output.ts';
import { printable } from './printable.ts';

function* sourcesOf(segments: readonly SegmentFile[]): Generator<ReturnType<typeof segmentSource>> {
  // One at a time: each opens its file.
  for (const segment of segments) yield segmentSource(segment);
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const segmentLine = ({ file, records, bytes, first, last }: SegmentReport): string => {
  const range =
    first === undefined || last === undefined ? '' : `, seq ${first.seq} to ${last.seq}, ${printable(`${first.time} to ${last.time}`)}`;
  return `${file}: ${counted(records, 'record')}${range}, ${counted(bytes, 'byte')}\n`;
};

const findingLine = ({ kind, file, line, from, to, detail }: Finding): string =>
  `  ${kind.padEnd(11)} ${file}:${line}: ${from === to ? `record ${from}` : `records ${from} to ${to}`}: ${detail}\n`;

/** Prints the check of a directory; resolves to the exit code, rejects where it cannot be read. */
export const verifyAudit = async (directory: string, options: VerifyOptions, output: CommandOutput): Promise<number> => {
  const segments = await listSegments(directory);
  if (segments.length === 0) throw new Error(`there is no audit log in "${directory}"`);
  let records = 0;
  let faults = 0;
  let last: AuditLine | undefined;
  for await (const item of verifySegments(sourcesOf(segments), options)) {
    if (item.type === 'Finding') {
      output.out(findingLine(item));
      if (item.kind !== 'Torn') faults += 1;
    } else {
      output.out(segmentLine(item));
      records += item.records;
      last = item.last ?? last;
    }
  }
  const sums = `${counted(segments.length, 'segment')}, ${counted(records, 'record')}`;
  if (faults > 0) {
    output.out(`broken: ${counted(faults, 'finding')} in ${sums}\n`);
    return 1;
  }
  output.out(`intact: ${sums}\n`);
  if (last !== undefined) output.out(`the chain ends at ${last.seq}:${last.hash}\n`);
  return 0;
};
