/** A text judged whole, without a server: what is sent for it, or why it is refused. */
import type { RelationGrant } from '../../kernel/policy.ts';
import type { Catalog } from '../../proxy/catalog/catalog.ts';
import { judgeContext } from '../../proxy/judge/judge-context.ts';
import { judgeText } from '../../proxy/judge/judge-text.ts';
import type { Judged } from '../../proxy/policy/judgement.ts';
import type { Grammar } from '../../proxy/sql/grammar.ts';
import { contextOf, grantsOf, policy } from './small-catalog.ts';

/** Faults of ours throw. */
const judgedBy = async (
  sql: string,
  { catalog, relations, grammar }: { readonly catalog: Catalog; readonly relations: readonly RelationGrant[]; readonly grammar: Grammar },
): Promise<Judged> => {
  const tools = {
    grammar,
    probe: async () => undefined,
    estimate: async () => ({ rows: 1 }),
    onFault: (fault: unknown): never => {
      throw fault;
    },
  };
  const context = judgeContext({ catalog, grants: grantsOf(policy({ relations }))!, revision: 'r1' }, tools, new Map());
  return (await judgeText(Buffer.from(sql), 'Query', contextOf().state, context)).judged;
};

/** The text that is sent. `hidden: `: its rows are for us alone. */
export const sentBy = async (...of: Parameters<typeof judgedBy>): Promise<string> => {
  const judged = await judgedBy(...of);
  if (judged.decision === 'Deny') return `refused: ${judged.failure.message}`;
  return `${judged.terms.some(({ hidesResult }) => hidesResult) ? 'hidden: ' : ''}${judged.sent}`;
};

/** Pairs of lines: a statement, and behind `=> ` what is sent. */
export const casesFrom = (text: string): readonly (readonly [sql: string, sent: string])[] =>
  text
    .trim()
    .split(/\n(?!=> )/)
    .map((pair) => {
      const [sql = '', sent = ''] = pair.split('\n=> ');
      return [sql, sent];
    });
