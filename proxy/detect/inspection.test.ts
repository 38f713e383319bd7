import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DetectedValues } from '../../kernel/audit-record.ts';
import { Failure } from '../../kernel/failure.ts';
import { DETECTOR_KINDS, type DetectorAction } from '../../kernel/policy.ts';
import { detectorsOf } from './detectors.ts';
import { Inspection } from './inspection.ts';
import type { ResultColumn } from './result-columns.ts';

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

const message = (type: string, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
};

const row = (...values: readonly (Buffer | string | null)[]): Buffer =>
  message(
    'D',
    int32(values.length).subarray(2),
    ...values.flatMap((value) => (value === null ? [int32(-1)] : [int32(Buffer.byteLength(value)), Buffer.from(value as string)])),
  );

const COLUMNS: readonly ResultColumn[] = [
  { name: 'a', form: 'Text', social: false },
  { name: 'b', form: 'Binary', social: false },
  { name: 'c', form: 'NumberText', social: false },
];

const inspection = (action: DetectorAction, columns: readonly ResultColumn[] = COLUMNS): Inspection => {
  const detectors = detectorsOf(DETECTOR_KINDS.map((kind) => ({ kind, action, policy: 'agents/reporting' })));
  if (detectors === undefined) throw new Error('nothing to look for');
  return new Inspection(detectors, { columns });
};

/** All values of a stream of rows. */
const cellsOf = (stream: Buffer): (Buffer | null)[] => {
  const cells: (Buffer | null)[] = [];
  for (let at = 0; at < stream.length; ) {
    const end = at + 1 + stream.readInt32BE(at + 1);
    for (at += 7; at < end; ) {
      const length = stream.readInt32BE(at);
      cells.push(length < 0 ? null : stream.subarray(at + 4, at + 4 + length));
      at += 4 + Math.max(length, 0);
    }
  }
  return cells;
};

type Passed = {
  readonly bytes: Buffer;
  readonly rows: number;
  readonly failure: string | undefined;
  readonly detected: readonly DetectedValues[];
};

/** What goes on of a stream that arrives in these pieces. */
const passed = (of: Inspection, pieces: readonly Buffer[]): Passed => {
  const out: Buffer[] = [];
  let rows = 0;
  let failure: string | undefined;
  for (const piece of pieces) {
    of.push(Buffer.from(piece), (messages, inspected) => {
      if (failure !== undefined) return;
      out.push(Buffer.from(messages.subarray(0, inspected.bytes)));
      rows += inspected.rows;
      failure = inspected.failure?.message;
    });
    if (failure !== undefined) break;
  }
  return { bytes: Buffer.concat(out), rows, failure, detected: of.detected };
};

const STREAM = Buffer.concat([
  row(
    'card 4111 1111 1111 1111',
    Buffer.concat([int32(1), int32(0), int32(25), int32(1), int32(1), int32(6), Buffer.from('a@b.de')]),
    '4111111111111111',
  ),
  row(null, '', '5'),
  row('{"ip": "203.0.113.77", "tel": "+49 151 23456789"}', '-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----', null),
]);

describe('Inspection', () => {
  it.each<DetectorAction>(['Mask', 'Report', 'Block'])('passes the same on wherever the stream is cut: %s', (action) => {
    const whole = passed(inspection(action), [STREAM]);
    expect([whole.rows, whole.detected.length]).toEqual(action === 'Block' ? [0, 1] : [3, 6]);
    for (let first = 0; first <= STREAM.length; first += 1) {
      for (let second = first; second <= STREAM.length; second += 23) {
        const pieces = [STREAM.subarray(0, first), STREAM.subarray(first, second), STREAM.subarray(second)];
        expect(passed(inspection(action), pieces)).toEqual(whole);
      }
    }
    expect(
      passed(
        inspection(action),
        [...STREAM].map((byte) => Buffer.of(byte)),
      ),
    ).toEqual(whole);
  });

  it('takes parts of two columns, or of two rows, for nothing', () => {
    const stream = Buffer.concat([
      row('4111 1111', '1111 1111', '4111'),
      row('a', '@b.de', '4111111111111111x'),
      row('4111 1111 1111', '', '1'),
    ]);
    const { bytes, detected } = passed(inspection('Mask'), [stream]);
    expect(detected).toEqual([{ kind: 'PaymentCard', action: 'Mask', policy: 'agents/reporting', column: 'c', count: 1 }]);
    expect(bytes.subarray(0, row('4111 1111', '1111 1111', '4111').length)).toEqual(row('4111 1111', '1111 1111', '4111'));
  });

  it('keeps lengths and places, whatever the bytes', () => {
    const part = fc.constantFrom(
      '4111 1111 1111 1111',
      'a@b.de',
      '+49 151 23456789',
      '203.0.113.7',
      'eyJ',
      '\\x',
      '::',
      '-----BEGIN ',
      'PRIVATE KEY-----',
      '\\',
      'é',
      '\0\0\0\x01',
    );
    const text = fc.array(fc.oneof(part, fc.string({ unit: 'binary', maxLength: 12 })), { maxLength: 8 }).map((parts) => parts.join(''));
    const cell = fc.oneof(
      fc.constant(null),
      text.map((value) => Buffer.from(value)),
      fc.uint8Array({ maxLength: 60 }).map((value) => Buffer.from(value)),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        (rows, cuts) => {
          const stream = Buffer.concat(rows.map((cells) => row(...cells)));
          const whole = passed(inspection('Mask'), [stream]);
          expect([whole.bytes.length, whole.rows]).toEqual([stream.length, rows.length]);
          const places = [0, ...cuts.map((cut) => cut % stream.length).toSorted((a, b) => a - b), stream.length];
          const pieces = places.slice(1).map((end, index) => stream.subarray(places[index], end));
          expect(passed(inspection('Mask'), pieces)).toEqual(whole);
          // Headers, counts and lengths are where they were.
          let at = 0;
          for (const cells of rows) {
            at += 7;
            for (const value of cells) {
              expect(whole.bytes.readInt32BE(at)).toBe(value === null ? -1 : value.length);
              at += 4 + (value?.length ?? 0);
            }
          }
          const masked = cellsOf(whole.bytes);
          for (const [index, before] of cellsOf(stream).entries()) {
            const after = masked[index];
            if (before === null || !isUtf8(before)) continue;
            expect([isUtf8(after ?? before), Array.from(String(after)).length]).toEqual([true, Array.from(String(before)).length]);
          }
        },
      ),
      { seed: 2026, numRuns: 150 },
    );
  });

  it('refuses rows that are not what was described, and rows that are too large, as failures', () => {
    const bad = (bytes: Buffer): string | undefined => {
      try {
        passed(inspection('Mask'), [bytes]);
        return undefined;
      } catch (error) {
        return error instanceof Failure ? error.fields.code : String(error);
      }
    };
    expect(bad(row('a', 'b'))).toBe('upstream-protocol-violation');
    expect(bad(message('D', int32(3).subarray(2), int32(7), Buffer.from('abc')))).toBe('upstream-protocol-violation');
    expect(bad(message('D', int32(3).subarray(2), int32(-2)))).toBe('upstream-protocol-violation');
    expect(bad(Buffer.concat([Buffer.from('D'), int32(20_000_000), Buffer.alloc(20)]))).toBe('detection-too-large');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(['upstream-protocol-violation', undefined]).toContain(bad(message('D', int32(3).subarray(2), Buffer.from(bytes))));
      }),
      { seed: 2026, numRuns: 500 },
    );
  });

  it('looks into the lines and the rows of a COPY', () => {
    const lines = inspection('Mask');
    lines.copyOut(Buffer.from([0, 0, 2, 0, 0, 0, 0]));
    const line = (text: string): Buffer => message('d', Buffer.from(text));
    const { bytes, detected } = passed(lines, [line('x\ta@b.de\t4111111111111111\n'), line('a@b.de,7\n')]);
    expect(bytes).toEqual(Buffer.concat([line('x\t*@*.**\t****************\n'), line('*@*.**,7\n')]));
    expect(detected.map(({ column }) => column)).toEqual(['column 2 of the COPY', 'column 3 of the COPY', 'the COPY']);
    const rows = inspection('Mask');
    rows.copyOut(Buffer.from([1, 0, 1, 0, 1]));
    const head = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), int32(0), int32(0)]);
    const value = (text: string): Buffer => Buffer.concat([int32(1).subarray(2), int32(text.length), Buffer.from(text)]);
    const stream = (text: string): Buffer =>
      Buffer.concat([message('d', head, value(text)), message('d', value(text)), message('d', Buffer.of(255, 255))]);
    expect(passed(rows, [stream('a@b.de')]).bytes).toEqual(stream('*@*.**'));
  });
});
