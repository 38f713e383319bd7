/**
 * Whether a pod says that it is an agent's.
 */
import { AGENT_LABEL } from '../../kernel/cluster-names.ts';
import { type Json, objectOf } from './pod.ts';

export type AgentLabel =
  | { readonly type: 'Agent' }
  | { readonly type: 'NoAgent' }
  /** Neither yes nor no: a guess would leave an agent without its airlock. */
  | { readonly type: 'Unclear'; readonly problem: string };

/** Reads the label; absent and `false` mean no. */
export const agentLabel = (metadata: Json): AgentLabel => {
  const labels = objectOf(metadata['labels']);
  const value = Object.hasOwn(labels, AGENT_LABEL) ? labels[AGENT_LABEL] : 'false';
  if (value === 'true') return { type: 'Agent' };
  if (value === 'false') return { type: 'NoAgent' };
  return {
    type: 'Unclear',
    problem: `label ${AGENT_LABEL} is ${JSON.stringify(value).slice(0, 80)}: write "true" for an agent, or "false" (or no label) for what is none`,
  };
};
