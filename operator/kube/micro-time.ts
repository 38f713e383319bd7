/** A moment as Kubernetes' MicroTime: six digits of a second, where JavaScript knows three. */
export const microTime = (date: Date): string => date.toISOString().replace('Z', '000Z');
