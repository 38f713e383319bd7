/**
 * What each policy did here since the start: for the operator, who sums it up.
 */
import type { PolicyCounts } from '../../kernel/control.ts';
import type { Outcome } from '../session/outcome.ts';

/** More policies than one pod ever had. */
const MOST = 1000;

export class PolicyTally {
  readonly #counts = new Map<string, { blocked: number; masked: number }>();
  readonly #inForce: (connection: string) => readonly string[];

  /** `inForce`: the policies of a connection. They all refuse what no one of them has judged. */
  constructor(inForce: (connection: string) => readonly string[]) {
    this.#inForce = inForce;
  }

  observe({ decision, policies, masked, connection }: Outcome): void {
    const blocked = decision === 'Deny';
    if (!blocked && masked.length === 0) return;
    for (const policy of policies.length === 0 ? this.#inForce(connection) : policies) {
      const counts = this.#of(policy);
      if (counts === undefined) continue;
      if (blocked) counts.blocked++;
      else counts.masked++;
    }
  }

  counts(): Readonly<Record<string, PolicyCounts>> {
    return Object.fromEntries([...this.#counts].map(([policy, { blocked, masked }]) => [policy, { blocked, masked }]));
  }

  #of(policy: string): { blocked: number; masked: number } | undefined {
    const known = this.#counts.get(policy);
    if (known !== undefined || this.#counts.size >= MOST) return known;
    const counts = { blocked: 0, masked: 0 };
    this.#counts.set(policy, counts);
    return counts;
  }
}
