/**
 * What a client's program told.
 */
import { runProgram } from '../program.ts';
import type { Client, Command } from './client.ts';
import { STEPS, type Step } from './steps.ts';

export type Told = { readonly result: unknown } | { readonly none: string };

export type Session = {
  readonly client: string;
  readonly version: string;
  readonly steps: Readonly<Record<Step, Told>>;
  /** All that it printed. */
  readonly output: string;
};

/** Runs the program. Throws, with what it printed, unless it told each step once and in order. */
export const runSession = async (client: Client, { program, parameters, env }: Command): Promise<Session> => {
  const { code, stdout, stderr } = await runProgram(program, parameters, env === undefined ? {} : { env });
  const complaint = (what: string): Error => new Error(`${client.name}: ${what}\n${stdout.slice(-4000)}\n${stderr.slice(-4000)}`);
  if (code !== 0) throw complaint(`ended with ${code}`);
  const [first = {}, ...lines] = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  const steps = lines.map(({ step }) => String(step));
  if (steps.join() !== STEPS.join()) throw complaint(`told the steps ${steps.join()}`);
  const failed = lines.find((line) => !('result' in line || 'none' in line));
  if (failed !== undefined) throw complaint(`failed at "${String(failed['step'])}": ${String(failed['error'])}`);
  return {
    client: String(first['client']),
    version: String(first['version']),
    steps: Object.fromEntries(lines.map(({ step, ...told }) => [step, told])) as Record<Step, Told>,
    output: stdout + stderr,
  };
};
