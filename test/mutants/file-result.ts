/**
 * What became of one source's mutants.
 */
export type Fate = 'killed' | 'survived' | 'at load' | 'not met';

export const FATES: readonly Fate[] = ['killed', 'survived', 'at load', 'not met'];

export type FileResult = {
  readonly file: string;
  /** Digest of the source. */
  readonly text: string;
  readonly fates: Readonly<Record<Fate, number>>;
  /** Lines about those that no test notices. */
  readonly left: readonly string[];
  /** Those that were not repeated for mutants, and why. */
  readonly tests: readonly string[];
  /** No test fails by what a mutant left behind. */
  readonly green: boolean;
};

export const counted = ({ fates }: FileResult): string =>
  [`${FATES.reduce((sum, fate) => sum + fates[fate], 0)} mutants`, ...FATES.map((fate) => `${fates[fate]} ${fate}`)].join(', ');
