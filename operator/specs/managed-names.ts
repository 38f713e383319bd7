/**
 * Names of what the operator makes in the namespaces of agents.
 */
import { createHash } from 'node:crypto';
import { RESERVED_PREFIX } from '../../kernel/cluster-names.ts';

const LONGEST = 253;

/** The managed Secret of a connection, in each namespace with a pod that uses it. Different connections have different names. */
export const managedSecretName = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string => {
  // A namespace has no dot: the first one divides.
  const plain = `${RESERVED_PREFIX}${namespace}.${name}`;
  // INVARIANT: one with a digest is exactly as long as a name can be, and one without is shorter: nobody chooses another's.
  if (plain.length < LONGEST) return plain;
  const digest = createHash('sha256').update(plain).digest('hex').slice(0, 20);
  return `${plain.slice(0, LONGEST - 21).replace(/[.-]+$/, (end) => '0'.repeat(end.length))}-${digest}`;
};
