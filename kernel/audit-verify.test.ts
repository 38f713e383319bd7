import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChainPoint, encodeLine, GENESIS } from './audit-chain.ts';
import { segmentLines } from './audit-lines.ts';
import { type Finding, type SegmentReport, type SegmentSource, type VerifyOptions, verifySegments } from './audit-verify.ts';

const TIME = '2026-01-31T12:00:00.000Z';

/** Segments of a header and three records each: segment 1 holds seq 1 to 4, segment 2 seq 5 to 8, segment 3 seq 9 to 12. */
const chain = (segments = 3): { readonly files: string[][]; readonly points: ChainPoint[] } => {
  let point = GENESIS;
  const points = [GENESIS];
  const line = (record: object): string => {
    const encoded = encodeLine(point, TIME, JSON.stringify(record));
    point = encoded.point;
    points.push(point);
    return encoded.text;
  };
  const files = Array.from({ length: segments }, (_, index) => [
    line({ type: 'segment', version: 1, segment: index + 1 }),
    ...[1, 2, 3].map((statement) => line({ type: 'session-ended', session: `s${index + 1}`, reason: `reason ${statement}` })),
  ]);
  return { files, points };
};

const source = (lines: readonly string[] | Buffer, number: number): SegmentSource => ({
  file: `f${number}`,
  number,
  chunks: [Buffer.isBuffer(lines) ? lines : Buffer.from(lines.join(''))],
});

const run = async (files: readonly SegmentSource[], options: VerifyOptions = {}): Promise<(Finding | SegmentReport)[]> => {
  const items: (Finding | SegmentReport)[] = [];
  for await (const item of verifySegments(files, options)) items.push(item);
  return items;
};

const findings = async (files: readonly SegmentSource[], options: VerifyOptions = {}): Promise<string[]> =>
  (await run(files, options)).flatMap((item) =>
    item.type === 'Finding' ? [`${item.kind} ${item.from}-${item.to} at ${item.file}:${item.line}`] : [],
  );

const sources = (files: readonly (readonly string[])[]): SegmentSource[] => files.map((lines, index) => source(lines, index + 1));

/** The line rewritten, with a hash that fits. */
const forge = (line: string, change: (json: string) => string): string => {
  const {
    prev,
    hash: _hash,
    seq,
    time,
    ...record
  } = JSON.parse(line) as Record<string, unknown> & { prev: string; seq: number; time: string };
  return encodeLine({ seq: seq - 1, hash: prev }, time, change(JSON.stringify(record))).text;
};

type Edit = (files: string[][], points: ChainPoint[]) => void;

const edits: readonly (readonly [string, Edit, readonly string[]])[] = [
  ['nothing in an intact chain', () => undefined, []],
  ['a changed byte', (files) => void (files[1]![2] = files[1]![2]!.replace('reason 2', 'reason X')), ['Edited 7-7 at f2:3']],
  ['a changed time', (files) => void (files[0]![1] = files[0]![1]!.replace('2026', '2027')), ['Edited 2-2 at f1:2']],
  ['a changed seq', (files) => void (files[1]![2] = files[1]![2]!.replace('"seq":7', '"seq":9')), ['Edited 7-7 at f2:3']],
  ['a changed hash', (files) => void (files[1]![2] = files[1]![2]!.replace(/"hash":"..../, '"hash":"0000')), ['Edited 7-7 at f2:3']],
  ['added white space', (files) => void (files[1]![2] = files[1]![2]!.replace('{', '{ ')), ['Edited 7-7 at f2:3']],
  ['a line that is no JSON', (files) => void (files[1]![2] = 'xyz\n'), ['Edited 7-7 at f2:3']],
  ['two edited lines in a row', (files) => void files[1]!.splice(1, 2, 'xyz\n', 'abc\n'), ['Edited 6-7 at f2:2']],
  [
    'a line rewritten together with its hash',
    (files) => void (files[1]![2] = forge(files[1]![2]!, (json) => json.replace('reason 2', 'forged'))),
    ['Edited 7-7 at f2:4'],
  ],
  [
    'a rewritten last line of a segment',
    (files) => void (files[0]![3] = forge(files[0]![3]!, (json) => json.replace('reason 3', 'forged'))),
    ['Edited 4-4 at f2:1'],
  ],
  ['a removed line', (files) => void files[1]!.splice(2, 1), ['Missing 7-7 at f2:3']],
  ['removed lines', (files) => void files[1]!.splice(1, 2), ['Missing 6-7 at f2:2']],
  ['two gaps', (files) => (files[0]!.splice(1, 1), void files[1]!.splice(2, 1)), ['Missing 2-2 at f1:2', 'Missing 7-7 at f2:3']],
  ['a removed header', (files) => void files[1]!.splice(0, 1), ['Missing 5-5 at f2:1']],
  ['a removed first line', (files) => void files[0]!.splice(0, 1), ['Missing 1-1 at f1:1']],
  ['swapped lines', (files) => void files[1]!.splice(1, 2, files[1]![2]!, files[1]![1]!), ['Reordered 6-6 at f2:3']],
  ['a line moved to the end', (files) => void files[2]!.push(files[0]!.splice(2, 1)[0]!), ['Reordered 3-3 at f3:5']],
  [
    'one of two removed lines put elsewhere',
    (files) => void files[2]!.push(files[0]!.splice(1, 2)[0]!),
    ['Reordered 2-2 at f3:5', 'Missing 3-3 at f1:2'],
  ],
  ['a doubled line', (files) => void files[1]!.splice(2, 0, files[1]![1]!), ['Inserted 6-6 at f2:3']],
  ['an older line once more', (files) => void files[1]!.splice(2, 0, files[0]![1]!), ['Inserted 2-2 at f2:3']],
  ['an inserted line that is no record', (files) => void files[1]!.splice(2, 0, 'xyz\n'), ['Inserted 7-7 at f2:3']],
  [
    'an inserted line that continues the chain',
    (files, points) =>
      void files[1]!.splice(2, 0, encodeLine(points[6]!, TIME, '{"type":"session-ended","session":"s9","reason":""}').text),
    ['Inserted 7-7 at f2:4'],
  ],
  ['a segment whose end was cut off', (files) => void files[1]!.splice(2), ['Truncated 7-8 at f2:2']],
  [
    'a segment cut off within a line',
    (files) => void files[1]!.splice(2, 2, files[1]![2]!.slice(0, 20)),
    ['Truncated 7-7 at f2:3', 'Truncated 8-8 at f2:2'],
  ],
  ['an emptied segment', (files) => void files[1]!.splice(0), ['Missing 5-8 at f3:1']],
  ['a torn last line', (files) => void files[2]!.splice(3, 1, files[2]![3]!.slice(0, 20)), ['Torn 12-12 at f3:4']],
  ['a last line without its line feed', (files) => void files[2]!.splice(3, 1, files[2]![3]!.slice(0, -1)), ['Torn 12-12 at f3:4']],
  ['zeros after a loss of power', (files) => void files[2]!.splice(3, 1, '\0\0\0\n\0\0'), ['Torn 12-12 at f3:4']],
  ['zeros in the middle', (files) => void files[2]!.splice(2, 1, '\0\0\0\n'), ['Edited 11-11 at f3:3']],
  ['an edited last line', (files) => void files[2]!.splice(3, 1, 'xyz\n'), ['Edited 12-12 at f3:4']],
  [
    'an edited line before a torn one',
    (files) => void files[2]!.splice(2, 2, 'xyz\n', '{"seq'),
    ['Edited 11-11 at f3:3', 'Torn 11-11 at f3:4'],
  ],
  [
    'an unknown format version',
    (files) => void (files[0]![0] = forge(files[0]![0]!, (json) => json.replace('"version":1', '"version":2'))),
    ['Unsupported 1-1 at f1:1', 'Edited 1-1 at f1:2'],
  ],
];

describe('verifySegments()', () => {
  it.each(edits)('names %s exactly', async (_name, edit, expected) => {
    const { files, points } = chain();
    edit(files, points);
    expect(await findings(sources(files))).toEqual(expected);
  });

  it('names segments that are missing between others', async () => {
    const { files } = chain(4);
    expect(await run([source(files[0]!, 1), source(files[3]!, 4)])).toContainEqual({
      type: 'Finding',
      kind: 'Missing',
      file: 'f4',
      line: 1,
      from: 5,
      to: 12,
      detail: 'segments 2 to 3 are missing',
    });
  });

  it('names files whose names were exchanged', async () => {
    const { files } = chain(2);
    expect(await findings([source(files[1]!, 1), source(files[0]!, 2)])).toEqual([
      'Reordered 5-5 at f1:1',
      'Reordered 1-1 at f2:1',
      'Reordered 1-1 at f2:1',
      'Reordered 2-2 at f2:2',
      'Reordered 3-3 at f2:3',
      'Reordered 4-4 at f2:4',
    ]);
  });

  it('misses the beginning, unless the point before it is given', async () => {
    const { files, points } = chain();
    const later = [source(files[1]!, 2), source(files[2]!, 3)];
    expect(await findings(later)).toEqual(['Missing 1-4 at f2:1']);
    expect(await findings(later, { after: points[4]! })).toEqual([]);
    expect(await findings(sources(files), { after: points[4]! })).toEqual([]);
    expect(await findings(later, { after: 'Anywhere' })).toEqual([]);
    expect(await findings(later, { after: { seq: 4, hash: 'f'.repeat(64) } })).toEqual(['Edited 4-4 at f2:1']);
  });

  it('notices a cut-off or rewritten end where a point of it was noted', async () => {
    const { files, points } = chain();
    const cut = [files[0]!, files[1]!.slice(0, 2)];
    expect(await findings(sources(cut))).toEqual([]);
    expect(await findings(sources(cut), { until: points[12]! })).toEqual(['Truncated 7-12 at f2:2']);
    expect(await findings(sources(files), { until: points[12]! })).toEqual([]);
    expect(await findings(sources(files), { until: { seq: 10, hash: points[11]!.hash } })).toEqual(['Edited 10-10 at f3:4']);
  });

  it('reports what each segment holds and where its intact lines end', async () => {
    const { files } = chain(1);
    const intact = Buffer.byteLength(files[0]!.join(''));
    const lines = files[0]!.map((line) => JSON.parse(line) as unknown);
    expect(await run([source([...files[0]!, '{"seq":5'], 1)])).toEqual([
      { type: 'Segment', file: 'f1', number: 1, records: 4, bytes: intact + 8, intactBytes: intact, first: lines[0], last: lines[3] },
      {
        type: 'Finding',
        kind: 'Torn',
        file: 'f1',
        line: 5,
        from: 5,
        to: 5,
        detail: 'the last 8 bytes are a record that was never finished',
      },
    ]);
  });

  it('notices any single byte changed anywhere, but a torn end', async () => {
    const { files } = chain(2);
    const all = files.map((lines) => Buffer.from(lines.join('')));
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 1 }), fc.nat(), fc.integer({ min: 1, max: 255 }), async (which, position, flip) => {
        const copies = all.map((bytes) => Buffer.from(bytes));
        const bytes = copies[which]!;
        bytes[position % bytes.byteLength]! ^= flip;
        expect(await findings(copies.map((copy, index) => source(copy, index + 1)))).not.toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('segmentLines()', () => {
  it('gives the same lines however the bytes are cut into chunks', async () => {
    const collect = async (chunks: Uint8Array[]): Promise<unknown[]> => {
      const lines: unknown[] = [];
      for await (const { bytes, offset, complete } of segmentLines(chunks)) lines.push([bytes.toString(), offset, complete]);
      return lines;
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'bc', '\n', 'é', '\n\n'), { maxLength: 30 }),
        fc.array(fc.nat({ max: 7 })),
        async (texts, cuts) => {
          const whole = Buffer.from(texts.join(''));
          const chunks: Buffer[] = [];
          let rest = whole;
          for (const cut of cuts) {
            chunks.push(rest.subarray(0, cut));
            rest = rest.subarray(cut);
          }
          expect(await collect([...chunks, rest])).toEqual(await collect([whole]));
          expect((await collect([whole])).length).toBe(whole.toString().split('\n').length - (/(^|\n)$/.test(whole.toString()) ? 1 : 0));
        },
      ),
    );
  });
});
