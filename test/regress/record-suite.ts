/**
 * Runs the suite as psql would, directly, and keeps what was sent, so that the same can be sent elsewhere.
 */
import type { Grammar } from '../../proxy/sql/grammar.ts';
import type { Answer } from './answer.ts';
import { type Item, PsqlLexer } from './psql-lexer.ts';
import { PsqlVariables } from './psql-variables.ts';
import { standInData } from './stand-in-data.ts';
import { type Scope, scopeOf } from './statement-scope.ts';
import type { SuiteFile } from './suite.ts';
import type { Target } from './target.ts';
import { withoutTemporary } from './temporary.ts';

export type Step = {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** Rows for each COPY FROM STDIN of the text, where the server asked for them. */
  readonly data: readonly string[];
  readonly scope: Scope | 'Connect' | 'Psql';
  readonly kinds: readonly string[];
  /** The catalog has changed since the last statement that was compared. */
  readonly settled: boolean;
  readonly answer: Answer | undefined;
  /** psql keeps the values of its row as variables. */
  readonly sets?: boolean;
};

/** What is about temporary tables themselves; of an ordinary table, a prepared transaction would keep the locks. */
const KEEP_TEMPORARY = new Set(['temp', 'prepared_xacts']);

/** What is judged without the catalog, and opens no transaction in which it could not be read again. */
const CATALOG_UNUSED = new Set(['VariableSetStmt', 'VariableShowStmt', 'DeallocateStmt']);

/** Set-up that leaves the catalog as it was: names, columns and types, that is. */
const CATALOG_KEPT = new Set(
  `
  VacuumStmt VariableSetStmt LockStmt CheckPointStmt NotifyStmt ListenStmt UnlistenStmt DiscardStmt InsertStmt ConstraintsSetStmt IndexStmt
  CreateTrigStmt CreateStatsStmt AlterStatsStmt CommentStmt GrantStmt GrantRoleStmt CreateRoleStmt AlterRoleStmt DropRoleStmt CreatePolicyStmt
  AlterPolicyStmt TruncateStmt RefreshMatViewStmt ClusterStmt ReindexStmt AlterRoleSetStmt AlterDefaultPrivilegesStmt AlterOwnerStmt
  CreateEventTrigStmt AlterEventTrigStmt CreatePublicationStmt AlterPublicationStmt CreateSubscriptionStmt AlterSubscriptionStmt
  DropSubscriptionStmt CreateTableSpaceStmt DropTableSpaceStmt AlterSystemStmt AlterDatabaseSetStmt SecLabelStmt CreateFdwStmt
  CreateForeignServerStmt CreateUserMappingStmt AlterUserMappingStmt DropUserMappingStmt AlterFdwStmt AlterForeignServerStmt
  AlterTSDictionaryStmt AlterTSConfigurationStmt ReassignOwnedStmt LoadStmt
  `
    .trim()
    .split(/\s+/),
);

export type Recording = {
  readonly target: Target;
  readonly grammar: Grammar;
  readonly environment: Readonly<
    Record<string, string>
  > /** Told between a set-up and the next statement that is compared, outside of a transaction. */;
  readonly settled: () => Promise<void>;
};

export const recordFile = async (file: SuiteFile, recording: Recording): Promise<readonly Step[]> => {
  const { target, grammar, environment } = recording;
  const lexer = new PsqlLexer(file.text);
  const variables = new PsqlVariables();
  variables.set('SQLSTATE', '00000');
  variables.set('ERROR', 'false');
  variables.set('ROW_COUNT', '0');
  variables.set('DBNAME', 'regression');
  variables.set('USER', 'postgres');
  const steps: Step[] = [];
  const temporary: string[] = [];
  let changed = true;
  const keep = (item: Item, text: string, scope: Step['scope']): void => {
    steps.push({ file: file.name, line: item.line, text, data: [], scope, kinds: [], settled: false, answer: undefined });
  };

  const send = async (line: number, raw: string): Promise<Answer | undefined> => {
    while (!grammar.ready) await grammar.load();
    const made = KEEP_TEMPORARY.has(file.name) ? { text: raw, drop: undefined } : withoutTemporary(raw);
    let { scope, kinds } = scopeOf(made.text, grammar);
    let text = made.text;
    const load = /^\s*COPY\s+(\S+)\s+FROM\s+'([^']*)'/i.exec(text);
    const standIn = load && standInData(load[1] ?? '', load[2] ?? '');
    if (standIn) [text, scope, kinds] = [standIn, 'SetUp', ['InsertStmt']];
    if (scope === 'NotRun') {
      steps.push({ file: file.name, line, text, data: [], scope, kinds, settled: false, answer: undefined });
      return undefined;
    }
    const settled = changed && scope === 'Compared' && target.status === 'I' && !kinds.every((kind) => CATALOG_UNUSED.has(kind));
    if (settled) await recording.settled();
    changed = (scope === 'SetUp' && !kinds.every((kind) => CATALOG_KEPT.has(kind))) || (changed && !settled);
    const data: string[] = [];
    const copied = (): string => {
      const rows = lexer.data();
      data.push(rows);
      return rows;
    };
    const answer = scope === 'SetUp' ? await target.setUp(text, copied) : await target.run(text, copied);
    steps.push({ file: file.name, line, text, data, scope, kinds, settled, answer });
    if (made.drop !== undefined && answer.error === undefined) temporary.push(made.drop);
    variables.set('SQLSTATE', answer.error?.['C'] ?? '00000');
    variables.set('ERROR', answer.error === undefined ? 'false' : 'true');
    variables.set('ROW_COUNT', String(answer.rows.length || (/\d+$/.exec(answer.tags.at(-1) ?? '')?.[0] ?? 0)));
    if (answer.error !== undefined) {
      variables.set('LAST_ERROR_SQLSTATE', answer.error['C']);
      variables.set('LAST_ERROR_MESSAGE', answer.error['M']);
    }
    return answer;
  };

  const command = async (item: Extract<Item, { type: 'Command' }>): Promise<boolean> => {
    if (variables.run(item.name, item.argument, environment) || !variables.active) return true;
    if (item.name === '\\q' || item.name === '\\quit') return false;
    if (item.name === '\\c' || item.name === '\\connect') {
      await target.connect();
      keep(item, variables.wordsOf(item.argument)[1] ?? '-', 'Connect');
      const role = steps.at(-1)?.text ?? '-';
      if (role !== '-') await send(item.line, `SET SESSION AUTHORIZATION ${role}`);
    } else if (item.name === '\\copy' && /\b(stdin|stdout)\b/i.test(item.argument)) await send(item.line, `COPY ${item.argument}`);
    else keep(item, `${item.name} ${item.argument}`, 'Psql');
    return true;
  };

  const finish = async (item: Extract<Item, { type: 'Statement' }>, answer: Answer): Promise<void> => {
    const cells = answer.rows.flatMap((row) => (row.startsWith('[') ? (JSON.parse(row) as (string | null)[]) : []));
    if (item.ending === '\\gset' && answer.rows.length === 1) {
      const [prefix = ''] = variables.wordsOf(item.argument);
      for (const [index, { name }] of (answer.columns.at(-1) ?? []).entries()) variables.set(prefix + name, cells[index] ?? undefined);
      const last = steps.pop();
      if (last !== undefined) steps.push({ ...last, sets: true });
    }
    if (item.ending === '\\gexec') for (const cell of cells) if (cell !== null) await send(item.line, cell);
  };

  await target.connect();
  for (let item = lexer.next(); item !== undefined; item = lexer.next()) {
    if (item.type === 'Command') {
      if (!(await command(item))) break;
      continue;
    }
    if (!variables.active) continue;
    const text = variables.textOf(item.parts);
    if (item.ending === '\\gdesc') {
      keep(item, `${text} \\gdesc`, 'Psql');
      continue;
    }
    const answer = await send(item.line, text);
    if (answer !== undefined) await finish(item, answer);
  }
  if (temporary.length > 0) {
    await target.connect();
    keep({ type: 'Command', line: 0, name: '\\c', argument: '' }, '-', 'Connect');
    for (const drop of temporary.toReversed()) await send(0, drop);
  }
  return steps;
};
