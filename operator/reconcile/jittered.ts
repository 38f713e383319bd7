/** A fifth more or less, so that what began together does not stay together. */
export const jittered = (milliseconds: number): number => milliseconds * (0.8 + 0.4 * Math.random());
