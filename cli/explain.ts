/** `pg-airlock explain`: what would happen to a statement, without running it. */
import { parseArgs } from 'node:util';
import { Failure } from '../kernel/failure.ts';
import { problemText } from '../kernel/manifest/problem.ts';
import { nearestName } from '../kernel/manifest/nearest-name.ts';
import type { Bundle, Connection } from '../kernel/policy.ts';
import { CatalogStore } from '../proxy/catalog/catalog-store.ts';
import { explainText } from '../proxy/judge/explain-text.ts';
import { AgentJudge } from '../proxy/judge/judge.ts';
import { loadManifests } from '../proxy/manifests/load-manifests.ts';
import { grantsFor } from '../proxy/policy/grants.ts';
import type { SessionState } from '../proxy/policy/judgement.ts';
import { openCatalogClient } from '../proxy/upstream/catalog-client.ts';
import type { CommandOutput } from './command-output.ts';
import { reportText } from './explain-print.ts';
import { type Report, reportOf } from './explain-report.ts';
import { suggestion } from './explain-suggestion.ts';
import { printable } from './printable.ts';

const USAGE = `usage: pg-airlock explain --manifests DIR --as AGENT [--database NAME] [--json] SQL

Prints whether the statement would be allowed and every reason why not, which relations it reaches and how they were
resolved, the statement that would be sent, and for a refusal the smallest grant that would allow it. It connects to
the database of the agent's DatabaseConnection and reads its catalog; the statement itself is not run.

  --manifests DIR   the folder of manifests that the proxy reads
  --as AGENT        whose policies count
  --database NAME   which database, where the agent's policies are about several
  --json            the same as JSON

It exits with 0 if the statement is allowed, 1 if it is refused, and 2 if that cannot be told.
`;

/** What is wrong with the question, or keeps it from being answered. */
class ExplainError extends Error {
  readonly usage: boolean;
  constructor(message: string, usage = false) {
    super(message);
    this.usage = usage;
  }
}

type Question = {
  readonly manifests: string;
  readonly agent: string;
  readonly database: string | undefined;
  readonly json: boolean;
  readonly sql: string;
};

const questionOf = (args: readonly string[]): Question => {
  const text = { type: 'string' } as const;
  const options = { manifests: text, as: text, database: text, json: { type: 'boolean', default: false } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const { manifests, as: agent, database, json } = values;
  const [sql] = positionals;
  if (manifests === undefined) throw new ExplainError('--manifests is missing', true);
  if (agent === undefined) throw new ExplainError('--as is missing', true);
  if (sql === undefined || positionals.length > 1) throw new ExplainError('one statement is needed, in quotes', true);
  return { manifests, agent, database, json, sql };
};

const bundleOf = async (directory: string): Promise<Bundle> => {
  const { bundle, problems } = await loadManifests(directory);
  if (bundle === undefined) throw new ExplainError(`the manifests have problems\n${problems.map(problemText).map(printable).join('\n')}`);
  return bundle;
};

const quoted = (names: Iterable<string>): string =>
  [...new Set(names)]
    .toSorted()
    .map((name) => `"${name}"`)
    .join(', ');

/** The connection that a session of the agent would use. */
const connectionFor = (bundle: Bundle, agent: string, database: string | undefined, now: number): Connection => {
  const naming = bundle.policies.filter((policy) => policy.agents.some((subject) => subject.agent === agent));
  if (naming.length === 0) {
    const known = bundle.policies.flatMap((policy) => policy.agents.map((subject) => subject.agent));
    const nearest = nearestName(agent, known);
    const meant = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
    const list = known.length === 0 ? 'no policy names any agent' : `known agents: ${quoted(known)}`;
    throw new ExplainError(`no policy names agent "${agent}"; ${list}${meant}`);
  }
  const usable = [...bundle.connections.values()].filter((each) => grantsFor(bundle, agent, each.key, now) !== undefined);
  if (usable.length === 0) {
    throw new ExplainError(`no policy of agent "${agent}" is in force now: ${quoted(naming.map(({ key }) => key))} (see spec.validity)`);
  }
  const chosen = database === undefined ? usable : usable.filter((each) => each.database === database || each.key === database);
  const [connection] = chosen;
  if (connection !== undefined && chosen.length === 1) return connection;
  const names = usable.map((each) => (usable.filter((other) => other.database === each.database).length > 1 ? each.key : each.database));
  if (chosen.length === 0) throw new ExplainError(`agent "${agent}" has no database "${database ?? ''}"; it has ${quoted(names)}`);
  throw new ExplainError(`agent "${agent}" has several databases; say which with --database: ${quoted(names)}`);
};

/** A refusal that says nothing of the statement: it could not be judged. */
const UNJUDGED = new Set(['internal-error', 'scope-unchecked', 'not-ready']);

const explain = async ({ agent, database, sql }: Question, bundle: Bundle): Promise<Report> => {
  const clock = { now: () => new Date(), monotonic: () => performance.now() };
  const connection = connectionFor(bundle, agent, database, clock.now().getTime());
  const faults: unknown[] = [];
  const catalog = new CatalogStore({
    open: async () => await openCatalogClient(connection, { searchPath: 'SessionDefault' }),
    onFailure: (error) => faults.push(error),
  });
  try {
    await catalog.ensure();
    const judgeOf = (of: Bundle): AgentJudge =>
      new AgentJudge({ agent, connection: connection.key, bundle: () => of, catalog, clock, onFault: (error) => faults.push(error) });
    const judge = judgeOf(bundle);
    const state: SessionState = { searchPath: judge.defaultSearchPath(), prepared: () => undefined, cursor: () => undefined };
    const bytes = Buffer.from(sql);
    const judged = await judge.judge(bytes, 'Query', state);
    const context = judge.context();
    if (context === undefined || (judged.decision === 'Deny' && UNJUDGED.has(judged.failure.fields.code))) {
      const cause = faults.map((fault) => (fault instanceof Error ? `: ${fault.message}` : '')).join('');
      throw new ExplainError(`the statement could not be judged${cause}`);
    }
    const explanation = await explainText(bytes, state, context);
    const suggested = judged.decision === 'Allow' ? undefined : await suggestion(bytes, state, bundle, judgeOf);
    const { role } = context.catalog;
    return reportOf({
      text: sql,
      judged,
      explanation,
      grants: context.grants,
      database: connection.database,
      role,
      suggestion: suggested,
    });
  } finally {
    await catalog.stop();
  }
};

const isUsageError = (error: unknown): boolean =>
  error instanceof ExplainError
    ? error.usage
    : error instanceof TypeError && 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_PARSE_ARGS');

const messageOf = (error: unknown): string => {
  if (!(error instanceof Failure)) return error instanceof Error ? error.message : String(error);
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  return [error.message, error.fields.detail, cause].filter((part) => part !== undefined).join(': ');
};

/** Runs `explain ARGS`; resolves to the exit code: 0 allowed, 1 refused, 2 wrong usage, unreadable or unreachable. */
export const explainCommand = async (args: readonly string[], output: CommandOutput): Promise<number> => {
  if (args.includes('--help')) {
    output.out(USAGE);
    return 0;
  }
  try {
    const question = questionOf(args);
    const report = await explain(question, await bundleOf(question.manifests));
    output.out(question.json ? `${JSON.stringify(report, undefined, 2)}\n` : reportText(report));
    return report.decision === 'Deny' ? 1 : 0;
  } catch (error) {
    const lines = messageOf(error).split('\n').map(printable).join('\n  ');
    output.err(`pg-airlock explain: ${lines}\n${isUsageError(error) ? `\n${USAGE}` : ''}`);
    return 2;
  }
};
