import type { DetectorKind } from '../../kernel/policy.ts';

/** So many finds in one value are remembered without asking for memory again. */
const KEPT = 1_024;

/** What was found in one value: kinds, and where they begin and end in its bytes. Used again for the next value. */
export class Findings {
  readonly kinds: DetectorKind[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  size = 0;
  /** Where bytes stand as hexadecimal digits: what they stand for is to be looked into. */
  readonly hexes: { readonly start: number; readonly end: number }[] = [];

  /** A find inside of the last one of its kind is the same: an IPv4 address in one of version 6. */
  add(kind: DetectorKind, start: number, end: number): void {
    const { size } = this;
    if (size > 0 && this.kinds[size - 1] === kind && end <= (this.ends[size - 1] as number)) return;
    this.kinds[size] = kind;
    this.starts[size] = start;
    this.ends[size] = end;
    this.size = size + 1;
  }

  /** What is beyond `size` is left over from other values. */
  clear(): void {
    this.size = 0;
    if (this.hexes.length > 0) this.hexes.length = 0;
    if (this.kinds.length > KEPT) {
      this.kinds.length = KEPT;
      this.starts.length = KEPT;
      this.ends.length = KEPT;
    }
  }
}
