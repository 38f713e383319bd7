/** A fifth more or less, so that what began together does not stay together, nor get in each other's way. */
export const jittered = (milliseconds: number): number => milliseconds * (0.8 + 0.4 * Math.random());
