import type { DetectedValues } from '../../kernel/audit-record.ts';
import { type Failure, upstreamProtocolViolation } from '../../kernel/failure.ts';
import { valueDetected } from '../../kernel/policy-failure.ts';
import type { DetectorAction, DetectorKind } from '../../kernel/policy.ts';
import type { Detectors } from './detectors.ts';
import { decodeRowDescription, isBinaryCopy, type ResultColumn } from './result-columns.ts';
import { WholeMessages } from './whole-messages.ts';

/** The columns of a portal, once the server has described it: executions of it share them. */
export type ResultShape = { columns: readonly ResultColumn[] | undefined };

/** What may go on of some messages: their first bytes, and how many rows those are. `failure`: why the rest may not. */
export type Inspected = { readonly bytes: number; readonly rows: number; readonly failure: Failure | undefined };

const HEAD = 5;
const ROW = 0x44;
const TAB = 0x09;

/** What the header of a binary COPY begins with; then flags, and the length of what may follow. */
const COPY_SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');

/** Places that a record tells apart; finds elsewhere are counted together. */
const MOST_PLACES = 100;

const ELSEWHERE = 'other columns';

type Count = {
  readonly kind: DetectorKind;
  readonly action: DetectorAction;
  readonly policy: string;
  readonly column: string;
  count: number;
};

/** Looks into the result of one statement: what it finds is masked in place, or ends the statement, and all of it is counted. */
export class Inspection {
  readonly shape: ResultShape;
  readonly #detectors: Detectors;
  readonly #whole = new WholeMessages();
  readonly #counts = new Map<string, Map<DetectorKind, Count>>();
  #copy: { readonly binary: boolean; begun: boolean } | undefined;
  /** What is looked into, and what was found there. */
  #column = '';
  #here: Map<DetectorKind, Count> | undefined;
  #failure: Failure | undefined;
  /** Whose value is looked into, for `#meet`. */
  readonly #meet = (kind: DetectorKind): boolean => this.#found(kind);

  constructor(detectors: Detectors, shape: ResultShape) {
    this.#detectors = detectors;
    this.shape = shape;
  }

  /** Takes the body of a RowDescription. */
  describe(body: Buffer): void {
    this.shape.columns = decodeRowDescription(body, upstreamProtocolViolation);
  }

  /** Takes the body of a CopyOutResponse. */
  copyOut(body: Buffer): void {
    this.#copy = { binary: isBinaryCopy(body), begun: false };
  }

  /** Bytes that are held of a row under way. */
  get held(): number {
    return this.#whole.held;
  }

  /** Takes bytes of DataRow and CopyData, and hands out whole messages with what may go on of them. Throws `Failure` for a row that is too large. */
  push(raw: Buffer, take: (messages: Buffer, inspected: Inspected) => void): void {
    this.#whole.push(raw, (messages) => take(messages, this.#inspected(messages)));
  }

  /** What was found so far: kinds, places and counts, never a value. */
  get detected(): readonly DetectedValues[] {
    return [...this.#counts.values()].flatMap((counts) => [...counts.values()]);
  }

  /** A text of the server that is no result, as a field of an error, as far as it may be told. `place`: what it is called in the record. */
  told(text: string, place: string): string {
    const bytes = Buffer.from(text, 'utf8');
    let masked = false;
    this.#enter(place);
    const { inspector, inForce } = this.#detectors;
    inspector.inspect({ bytes, start: 0, end: bytes.length, social: false }, 'Text', (kind) => {
      this.#count(kind);
      // What is said already cannot end the statement any more.
      const masks = inForce.get(kind)?.action !== 'Report';
      masked ||= masks;
      return masks;
    });
    return masked ? bytes.toString('utf8') : text;
  }

  #inspected(messages: Buffer): Inspected {
    let at = 0;
    let rows = 0;
    while (at < messages.length) {
      const end = at + 1 + messages.readUInt32BE(at + 1);
      if (messages[at] === ROW) this.#row(messages, at + HEAD, end);
      else if (this.#copy?.binary === true) this.#copyRow(messages, at + HEAD, end);
      else this.#copyLine(messages, at + HEAD, end);
      if (this.#failure !== undefined) return { bytes: at, rows, failure: this.#failure };
      rows += 1;
      at = end;
    }
    return { bytes: at, rows, failure: undefined };
  }

  #row(bytes: Buffer, start: number, end: number): void {
    const { columns } = this.shape;
    if (columns === undefined || end - start < 2 || bytes.readUInt16BE(start) !== columns.length) {
      throw upstreamProtocolViolation('A row came that is not the one described.');
    }
    this.#values(bytes, start + 2, end, (index) => columns[index] as ResultColumn);
  }

  /** A binary COPY says nothing of types. */
  #copyRow(bytes: Buffer, start: number, end: number): void {
    const copy = this.#copy;
    let from = start;
    if (copy !== undefined && !copy.begun && bytes.subarray(start, end).indexOf(COPY_SIGNATURE) === 0) {
      from += COPY_SIGNATURE.length + 8;
    }
    if (copy !== undefined) copy.begun = true;
    // The trailer is -1 in place of a count.
    if (end - from < 2 || bytes.readInt16BE(from) < 0) return;
    this.#values(bytes, from + 2, end, (index) => ({ name: `column ${index + 1} of the COPY`, form: 'Binary', social: false }));
  }

  #values(bytes: Buffer, start: number, end: number, columnOf: (index: number) => ResultColumn): void {
    const { inspector } = this.#detectors;
    let at = start;
    for (let index = 0; at < end && this.#failure === undefined; index += 1) {
      const length = end - at < 4 ? -2 : bytes.readInt32BE(at);
      at += 4;
      if (length === -1) continue;
      if (length < 0 || length > end - at) throw upstreamProtocolViolation('A value is longer than its row.');
      const { name, form, social } = columnOf(index);
      if (length > 0 && form !== 'Skip') {
        this.#enter(name);
        inspector.inspect({ bytes, start: at, end: at + length, social }, form, this.#meet);
      }
      at += length;
    }
  }

  /** A line of a COPY as text or CSV: which of the two is not said. Text has tabs between columns, unless the statement says otherwise. */
  #copyLine(bytes: Buffer, start: number, end: number): void {
    const { inspector } = this.#detectors;
    let from = start;
    for (let index = 1; from <= end && this.#failure === undefined; index += 1) {
      let to = from;
      while (to < end && bytes[to] !== TAB) to += 1;
      this.#enter(index === 1 && to === end ? 'the COPY' : `column ${index} of the COPY`);
      inspector.inspect({ bytes, start: from, end: to, social: false }, 'Text', this.#meet);
      from = to + 1;
    }
  }

  #enter(column: string): void {
    if (column !== this.#column) {
      this.#column = column;
      this.#here = this.#counts.get(column);
    }
  }

  #found(kind: DetectorKind): boolean {
    const action = this.#count(kind);
    if (action === 'Block') this.#failure ??= valueDetected(kind, this.#column, this.#detectors.inForce.get(kind)?.policy ?? '');
    return action === 'Mask';
  }

  #count(kind: DetectorKind): DetectorAction {
    const known = this.#here?.get(kind) ?? this.#counts.get(this.#column)?.get(kind);
    if (known !== undefined) {
      known.count += 1;
      return known.action;
    }
    const column = this.#counts.has(this.#column) || this.#counts.size < MOST_PLACES ? this.#column : ELSEWHERE;
    const { action = 'Block', policy = '' } = this.#detectors.inForce.get(kind) ?? {};
    const counts = this.#counts.get(column) ?? new Map<DetectorKind, Count>();
    this.#counts.set(column, counts);
    this.#here = counts;
    counts.set(kind, { kind, action, policy, column, count: (counts.get(kind)?.count ?? 0) + 1 });
    return action;
  }
}
