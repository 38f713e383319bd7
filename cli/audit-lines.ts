/** Reads the lines of an audit directory, and goes on reading where asked to. */
import { createReadStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { segmentLines } from '../kernel/audit-lines.ts';
import { listSegments } from '../proxy/audit/segment-files.ts';

const POLL_MS = 250;

/** Every finished line in order. `follow`: wait for more until it is aborted. */
export async function* auditLines(directory: string, follow: AbortSignal | undefined): AsyncGenerator<Buffer> {
  let number = 0;
  let offset = 0;
  for (;;) {
    // Listed before they are read: what a segment got after it was read is read once more before its successor.
    for (const segment of (await listSegments(directory)).filter((each) => each.number >= number)) {
      if (segment.number !== number) offset = 0;
      number = segment.number;
      const start = offset;
      for await (const line of segmentLines(createReadStream(segment.path, { start }) as AsyncIterable<Buffer>)) {
        if (!line.complete) break;
        yield line.bytes;
        offset = start + line.offset + line.bytes.byteLength + 1;
      }
    }
    if (follow === undefined || follow.aborted) return;
    await sleep(POLL_MS, undefined, { signal: follow }).catch(() => undefined);
  }
}
