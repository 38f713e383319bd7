/** Time as a parameter: pure code never reads the machine's clock. */
export type Clock = {
  /** Wall clock, for records and validity. */
  readonly now: () => Date;
  /** Monotonic milliseconds, for durations. */
  readonly monotonic: () => number;
};
