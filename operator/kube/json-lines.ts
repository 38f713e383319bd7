/**
 * A stream of JSON values, one a line.
 */
import { KubeFailure } from './kube.ts';

/** An object has 1.5 MiB at most in etcd; as JSON somewhat more. */
const LONGEST_LINE = 32 * 1024 * 1024;

const NEWLINE = 0x0a;

/** Yields each line's value. What follows the last line break was cut off and is left out. @throws KubeFailure for what is no JSON */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  let rest: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...rest, chunk.subarray(start, end)]).toString('utf8');
      rest = [];
      held = 0;
      start = end + 1;
      if (line.trim() !== '') yield parse(line);
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start));
      held += chunk.length - start;
      if (held > LONGEST_LINE) throw new KubeFailure(0, 'Unreachable', 'a line of the watch is too long');
    }
  }
}

const parse = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    throw new KubeFailure(0, 'Unreachable', 'a line of the watch is no JSON');
  }
};
