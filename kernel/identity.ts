import type { PodIdentity } from './control.ts';

/**
 * Who is asking. Every session has exactly one identity, settled before anything else is answered.
 */
export type Identity =
  | {
      /** The agent's name, as policies know it (`subjects[].agent.name`). */
      readonly agent: string;
      /** How it was established: SCRAM against a password Secret, or fixed for a loopback listener. */
      readonly method: 'Password' | 'Fixed';
    }
  /** Whoever reaches the loopback of this pod; `agent` is `namespace/pod`. */
  | ({ readonly agent: string; readonly method: 'Pod' } & PodIdentity);
