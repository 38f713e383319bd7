/** A value: bytes from `start` to `end` (exclusive) of a larger buffer. */
export type Value = {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Nine digits are meant as a social security number. */
  readonly social: boolean;
};
