/**
 * A client as the tests run it: a program that does the steps, and tells each on a line of JSON.
 *
 *     {"client":"pgx","version":"5.7.1"}              first
 *     {"step":"connect","result":...}                 what the client saw: nothing in it may depend on where and when
 *     {"step":"binary","none":"speaks text only"}     it has no such thing
 */
import type { Step } from './steps.ts';

/** Where a client connects to. */
export type Target = {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
};

export type Command = { readonly program: string; readonly parameters: readonly string[]; readonly env?: Readonly<Record<string, string>> };

export type Client = {
  /** Kebab case: its result's file. */
  readonly id: string;
  readonly name: string;
  readonly language: string;
  /** The command for a target; or, in a sentence, why this machine cannot run it. */
  readonly ready: () => Promise<((target: Target) => Command) | string>;
  /** Steps that may come out otherwise than without the airlock, and why. */
  readonly differs?: Readonly<Partial<Record<Step, string>>>;
  /** It passes on what a refusal says, but not its hint. */
  readonly withoutHints?: true;
  /** Its version is the machine's, not one that a lockfile says: another one than the table's is no error. */
  readonly machinesOwn?: true;
  /** For the table. */
  readonly notes?: readonly string[];
};
