/** Where a command writes, and how wide that is. */
export type CommandOutput = {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Characters on a line of the terminal; undefined where it is none. */
  readonly columns: number | undefined;
  /** Ends what would go on for ever. */
  readonly signal?: AbortSignal;
};
