/**
 * Appends records under load and prints the `seq` of each that was acknowledged, one a line; a refused one prints `refused <code>`.
 *
 *     node appender.ts DIRECTORY DURABILITY SEGMENT_BYTES WRITERS
 */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditRecord } from '../../kernel/audit-record.ts';
import { Failure } from '../../kernel/failure.ts';
import { openAuditStore } from '../../proxy/audit/audit-store.ts';

const [directory, durability, segmentBytes, writers] = process.argv.slice(2);
const store = await openAuditStore({
  directory: directory!,
  durability: () => durability as 'Fsync' | 'Write',
  segmentBytes: Number(segmentBytes),
  probeMilliseconds: 20,
  clock: { now: () => new Date(), monotonic: () => performance.now() },
});
writeSync(1, 'ready\n');

const write = async (writer: number): Promise<void> => {
  for (let turn = 0; ; turn += 1) {
    const record: AuditRecord = { type: 'session-ended', session: `${process.pid}/${writer}`, reason: 'x'.repeat((turn * 37) % 900) };
    try {
      const { sequence } = await store.append([record]);
      // Synchronous: what was acknowledged has left this process before anything can kill it.
      writeSync(1, `${sequence}\n`);
    } catch (error) {
      writeSync(1, `refused ${error instanceof Failure ? error.fields.code : String(error)}\n`);
      await sleep(5);
    }
  }
};

await Promise.all(Array.from({ length: Number(writers) }, (_, writer) => write(writer)));
