/**
 * Checks a chain of segments line by line, in one pass and constant memory, and says exactly what is wrong where.
 *
 * | finding     | what it means |
 * |-------------|---------------|
 * | Edited      | lines `from` to `to` are not what was written (or line `from` was rewritten together with its hash) |
 * | Missing     | lines `from` to `to` are not there |
 * | Reordered   | line `from` stands in another place than it was written in |
 * | Inserted    | a line that the chain has no place for |
 * | Truncated   | the end of a segment, or of the whole chain, was cut off: lines `from` to `to` are not there |
 * | Unsupported | a segment of another format version |
 * | Torn        | the last line was never finished: the process or the machine died while writing it. Nothing acknowledged is lost |
 */
import { AUDIT_FORMAT_VERSION, type AuditLine, type ChainPoint, GENESIS, verifyLine } from './audit-chain.ts';
import { segmentLines } from './audit-lines.ts';

/** A segment's file name, the number in it, and its bytes. */
export type SegmentSource = {
  readonly file: string;
  readonly number: number;
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
};

export type FindingKind = 'Edited' | 'Missing' | 'Reordered' | 'Inserted' | 'Truncated' | 'Unsupported' | 'Torn';

/** Something wrong at a line (from 1) of a file; `from` and `to` are the `seq` of the records it is about. */
export type Finding = {
  readonly type: 'Finding';
  readonly kind: FindingKind;
  readonly file: string;
  readonly line: number;
  readonly from: number;
  readonly to: number;
  readonly detail: string;
};

/** What a segment holds. `intactBytes` is where its last intact line ends. */
export type SegmentReport = {
  readonly type: 'Segment';
  readonly file: string;
  readonly number: number;
  readonly records: number;
  readonly bytes: number;
  readonly intactBytes: number;
  readonly first: AuditLine | undefined;
  readonly last: AuditLine | undefined;
};

export type VerifyOptions = {
  /** Where the chain begins: the first line ever, a point noted before (older segments were archived), or wherever the first line says. */
  readonly after?: ChainPoint | 'Anywhere';
  /** A point noted before that the chain has to reach: shows that its end was not cut off or rewritten. */
  readonly until?: ChainPoint;
};

type Place = { readonly file: string; readonly line: number };
type Gap = Place & { readonly kind: 'Missing' | 'Truncated'; readonly from: number; readonly to: number; readonly detail: string };
/** Lines in a row that are no record, until the next record tells what they stand for. */
type Unreadable = Place & {
  readonly kind: 'Edited' | 'Truncated';
  readonly count: number;
  readonly detail: string;
  readonly zeros: boolean;
};

class ChainVerifier {
  readonly #until: ChainPoint | undefined;
  readonly #after: ChainPoint | undefined;
  #next: number | undefined;
  /** Hashes that the next line may name as `prev`: several where two lines claim one number; none where it cannot be known. */
  #heads: readonly string[];
  #gaps: Gap[] = [];
  #unreadable: Unreadable | undefined;
  #end: (Place & { readonly number: number }) | undefined;
  #reached = false;

  constructor(options: VerifyOptions) {
    this.#until = options.until;
    this.#after = options.after === 'Anywhere' ? undefined : (options.after ?? GENESIS);
    this.#next = this.#after === undefined ? undefined : this.#after.seq + 1;
    this.#heads = this.#after === undefined ? [] : [this.#after.hash];
  }

  unreadable(line: Omit<Unreadable, 'count'>): void {
    const known = this.#unreadable;
    this.#unreadable = known === undefined ? { ...line, count: 1 } : { ...known, count: known.count + 1 };
  }

  *line(place: Place, number: number, line: AuditLine): Generator<Finding> {
    this.#reached ||= line.seq === this.#until?.seq && line.hash === this.#until.hash;
    this.#next ??= line.seq;
    // Older segments that still lie beside the ones asked for.
    if (this.#end === undefined && this.#after !== undefined && line.seq <= this.#after.seq) return;
    if (place.line === 1 && line.type === 'segment') yield* this.#header(place, number, line);
    if (line.seq < this.#next) yield* this.#early(place, line);
    else yield* this.#follow(place, number, line);
    this.#end = { ...place, number };
  }

  *#header(place: Place, number: number, line: AuditLine & { readonly type: 'segment' }): Generator<Finding> {
    const at = { type: 'Finding', ...place, from: line.seq, to: line.seq } as const;
    const version: number = line.version;
    if (version !== AUDIT_FORMAT_VERSION) yield { ...at, kind: 'Unsupported', detail: `segment has format version ${version}` };
    if (line.segment !== number) yield { ...at, kind: 'Reordered', detail: `file ${number} holds segment ${line.segment}` };
  }

  /** A line whose number is behind: moved from a gap, or one too many. */
  *#early(place: Place, line: AuditLine): Generator<Finding> {
    const { seq } = line;
    const gap = this.#gaps.find(({ from, to }) => from <= seq && seq <= to);
    const at = { type: 'Finding', ...place, from: seq, to: seq } as const;
    if (gap === undefined) {
      yield { ...at, kind: 'Inserted', detail: `record ${seq} stands here a second time` };
      if (seq + 1 === this.#next && this.#heads.length > 0) this.#heads = [...this.#heads.slice(-15), line.hash];
      return;
    }
    yield { ...at, kind: 'Reordered', detail: `record ${seq} stands after later ones` };
    const parts = [
      { ...gap, to: seq - 1 },
      { ...gap, from: seq + 1 },
    ];
    this.#gaps = this.#gaps.flatMap((each) => (each === gap ? parts.filter(({ from, to }) => from <= to) : [each]));
  }

  /** A line that has the expected number or a later one. */
  *#follow(place: Place, number: number, line: AuditLine): Generator<Finding> {
    let next = this.#next ?? line.seq;
    let certain = true;
    const header = place.line === 1 && line.type === 'segment';
    const unreadable = this.#unreadable;
    if (unreadable !== undefined) {
      const replaced = Math.min(unreadable.count, line.seq - next);
      yield this.#ofUnreadable(unreadable, next, replaced);
      next += replaced;
      certain = replaced === 0;
      this.#unreadable = undefined;
    }
    if (line.seq > next) {
      this.#gaps.push(this.#gap(place, header ? number : undefined, { from: next, to: line.seq - 1 }));
    } else if (certain && this.#heads.length > 0 && !this.#heads.includes(line.prev)) {
      yield {
        type: 'Finding',
        kind: 'Edited',
        ...place,
        from: line.seq - 1,
        to: line.seq - 1,
        detail: `record ${line.seq} names another hash for the record before it, which was rewritten together with its hash`,
      };
    }
    this.#heads = [line.hash];
    this.#next = line.seq + 1;
  }

  #ofUnreadable(unreadable: Unreadable, next: number, replaced: number): Finding {
    const { file, line, kind, detail, count } = unreadable;
    const at = { type: 'Finding', file, line } as const;
    if (replaced > 0) return { ...at, kind, from: next, to: next + replaced - 1, detail };
    return { ...at, kind: 'Inserted', from: next, to: next, detail: count === 1 ? detail : `${count} lines here are no records` };
  }

  #gap(place: Place, headerOf: number | undefined, range: { readonly from: number; readonly to: number }): Gap {
    const end = this.#end;
    if (end === undefined) return { ...place, ...range, kind: 'Missing', detail: 'the beginning of the chain is not here' };
    if (headerOf === undefined) return { ...place, ...range, kind: 'Missing', detail: 'records are missing before this line' };
    if (headerOf === end.number + 1)
      return { file: end.file, line: end.line, ...range, kind: 'Truncated', detail: 'the end of the segment was cut off' };
    return { ...place, ...range, kind: 'Missing', detail: `segments ${end.number + 1} to ${headerOf - 1} are missing` };
  }

  *finish(tail: (Place & { readonly bytes: number }) | undefined): Generator<Finding> {
    const next = this.#next ?? 1;
    const unreadable = this.#unreadable;
    const at = { type: 'Finding', from: next, to: next } as const;
    // A machine that lost power can leave zeros where the file had already grown; no record ever holds a zero byte.
    if (unreadable?.zeros === true) {
      yield {
        ...at,
        kind: 'Torn',
        file: unreadable.file,
        line: unreadable.line,
        detail: 'what follows the last record was never finished',
      };
    } else {
      if (unreadable !== undefined) {
        yield {
          ...at,
          kind: 'Edited',
          file: unreadable.file,
          line: unreadable.line,
          to: next + unreadable.count - 1,
          detail: unreadable.detail,
        };
      }
      if (tail !== undefined) {
        yield {
          ...at,
          kind: 'Torn',
          file: tail.file,
          line: tail.line,
          detail: `the last ${tail.bytes} bytes are a record that was never finished`,
        };
      }
    }
    for (const { kind, file, line, from, to, detail } of this.#gaps) yield { type: 'Finding', kind, file, line, from, to, detail };
    if (this.#until === undefined || this.#reached) return;
    const { file, line } = this.#end ?? { file: '', line: 0 };
    const { seq } = this.#until;
    if (seq < next) yield { ...at, kind: 'Edited', file, line, from: seq, to: seq, detail: `record ${seq} is not the one that was noted` };
    else yield { ...at, kind: 'Truncated', file, line, to: seq, detail: `the chain once reached record ${seq}` };
  }
}

/** Checks the segments, given in the order of their numbers: findings as they are found, and a report after each segment. */
export async function* verifySegments(
  segments: AsyncIterable<SegmentSource> | Iterable<SegmentSource>,
  options: VerifyOptions = {},
): AsyncGenerator<Finding | SegmentReport> {
  const chain = new ChainVerifier(options);
  let tail: (Place & { readonly bytes: number }) | undefined;
  for await (const { file, number, chunks } of segments) {
    // Only the last segment may end in the middle of a line.
    if (tail !== undefined)
      chain.unreadable({ file: tail.file, line: tail.line, kind: 'Truncated', detail: 'the line is cut off', zeros: false });
    tail = undefined;
    let first: AuditLine | undefined;
    let last: AuditLine | undefined;
    const sums = { records: 0, bytes: 0, intactBytes: 0 };
    let line = 0;
    for await (const { bytes, offset, complete } of segmentLines(chunks)) {
      line += 1;
      sums.bytes = offset + bytes.byteLength + (complete ? 1 : 0);
      if (!complete) {
        tail = { file, line, bytes: bytes.byteLength };
        break;
      }
      const verdict = verifyLine(bytes);
      if (verdict.type === 'Malformed') {
        chain.unreadable({ file, line, kind: 'Edited', detail: 'the line is no record', zeros: bytes.includes(0) });
      } else if (verdict.type === 'Edited') {
        chain.unreadable({ file, line, kind: 'Edited', detail: 'the record does not match its hash', zeros: false });
      } else {
        yield* chain.line({ file, line }, number, verdict.line);
        first ??= verdict.line;
        last = verdict.line;
        sums.records += 1;
        sums.intactBytes = sums.bytes;
      }
    }
    yield { type: 'Segment', file, number, ...sums, first, last };
  }
  yield* chain.finish(tail);
}
