/** A log that a test reads. */
import { type Logger, pino } from 'pino';

export type LogLines = { readonly log: Logger; readonly lines: readonly Readonly<Record<string, unknown>>[] };

/** Keeps each line as the object that it is. */
export const keepLog = (): LogLines => {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { log, lines };
};
