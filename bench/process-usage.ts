/**
 * What a process has used, from /proc.
 */
import { readFileSync } from 'node:fs';

/** Length of a clock tick: USER_HZ is 100 wherever Linux runs. */
const TICK_MICROSECONDS = 10_000;

/** Microseconds of processor time, user and system, that the process has used; undefined where nobody tells. */
export const processorTime = (pid: number): number | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is a name in parentheses, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS;
  } catch {
    return undefined;
  }
};

/** Bytes of memory in use: now, and the most there ever were. */
export const residentMemory = (pid: number): { readonly now: number; readonly most: number } => {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
  return { now: kilobytes('VmRSS') * 1024, most: kilobytes('VmHWM') * 1024 };
};
