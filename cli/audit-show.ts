/** `pg-airlock audit show`: one line for each statement, put together from its decision and its completion. */
import { type AuditLine, verifyLine } from '../kernel/audit-chain.ts';
import type { AuditParameter, StatementCompleted, StatementDecided } from '../kernel/audit-record.ts';
import { listSegments } from '../proxy/audit/segment-files.ts';
import { auditLines } from './audit-lines.ts';
import type { CommandOutput } from './command-output.ts';
import { printable, printableWithin } from './printable.ts';

/** What to show; undefined: all. */
export type ShowFilter = {
  readonly session: string | undefined;
  readonly agent: string | undefined;
  readonly decision: string | undefined;
  readonly since: Date | undefined;
};

export type ShowOptions = { readonly filter: ShowFilter; readonly json: boolean; readonly follow: boolean };

const WIDTH_OF_NO_TERMINAL = 200;

/** A statement's line before and after what only its completion knows. */
type OpenRow = { readonly before: string; readonly result: string; readonly after: string };

const parameterText = (parameter: AuditParameter): string => {
  if ('masked' in parameter) return 'masked';
  if ('null' in parameter) return 'NULL';
  return 'text' in parameter ? `'${parameter.text.slice(0, 200)}'` : `0x${parameter.binary.slice(0, 200)}`;
};

const parametersText = (parameters: readonly AuditParameter[] | undefined): string =>
  parameters === undefined || parameters.length === 0
    ? ''
    : `  -- ${parameters.map((parameter, index) => `$${index + 1} = ${parameterText(parameter)}`).join(', ')}`;

const cell = (text: string, width: number): string => printableWithin(text, width).padEnd(width);

const beginning = (time: string, agent: string, decision: string): string =>
  `${cell(time.replace('T', ' ').replace('Z', ''), 23)}  ${cell(agent, 16)}  ${cell(decision, 9)}  `;

const rowOf = (line: AuditLine & StatementDecided, columns: number): OpenRow => {
  const before = `${beginning(line.time, line.agent, line.decision)}${cell(line.kinds.join(',') || '-', 12)}  `;
  const codes = line.reasons.map(({ code }) => code).join(',');
  const room = Math.max(columns - before.length - 42, 20);
  return {
    before,
    result: line.decision === 'Deny' ? codes : '',
    after: printableWithin(`${line.sql}${parametersText(line.parameters)}`, room),
  };
};

const resultOf = ({ outcome, sqlstate }: StatementCompleted): string =>
  sqlstate ?? (outcome === 'Completed' ? 'ok' : outcome.toLowerCase());

const finished = (row: OpenRow, completion: StatementCompleted | undefined): string => {
  const rows = completion === undefined ? '' : `${completion.rows} row${completion.rows === 1 ? '' : 's'}`;
  const duration = completion === undefined ? '' : `${completion.duration.toFixed(1)} ms`;
  const result = completion === undefined ? row.result || 'unfinished' : resultOf(completion);
  // A refusal has neither rows nor duration, and a longer word for its result.
  const middle = rows === '' ? cell(result, 38) : `${rows.padStart(12)}  ${duration.padStart(12)}  ${cell(result, 10)}`;
  return `${row.before}${middle}  ${row.after}\n`;
};

/** The line of a record that is about no statement; undefined where it has none. */
const eventText = (line: AuditLine): string | undefined => {
  switch (line.type) {
    case 'session-started': {
      const { id, identity, connection, database, clientAddress, applicationName } = line.session;
      const application = applicationName === '' ? '' : ` (${applicationName})`;
      return `${beginning(line.time, identity.agent, 'session')}${printable(`${id} begins: ${connection}, database ${database}, from ${clientAddress}${application}`)}\n`;
    }
    case 'session-ended':
      return `${beginning(line.time, '', 'session')}${printable(`${line.session} ends: ${line.reason}`)}\n`;
    case 'authentication-failed':
      return `${beginning(line.time, line.user, 'refused')}${printable(`login from ${line.clientAddress}: ${line.reason}`)}\n`;
    case 'recovered':
      return `${beginning(line.time, '', 'recovered')}${line.bytes} bytes of unfinished records were dropped, ${line.refused} were refused (${line.cause})\n`;
    case 'segment':
    case 'decision':
    case 'completion':
      return undefined;
    default:
      line satisfies never;
      return undefined;
  }
};

class Show {
  readonly #filter: ShowFilter;
  readonly #columns: number;
  readonly #open = new Map<string, OpenRow>();
  /** Sessions of the agent that is asked for: what ends them does not name it. */
  readonly #sessions = new Set<string>();

  constructor(filter: ShowFilter, columns: number) {
    this.#filter = filter;
    this.#columns = columns;
  }

  /** What to print for a line: undefined where it is not asked for, '' where its statement is still open. */
  next(line: AuditLine): string | undefined {
    const { since, decision } = this.#filter;
    if (line.type === 'completion') return this.#completed(line);
    if (since !== undefined && Date.parse(line.time) < since.getTime()) return undefined;
    if (line.type === 'decision') return this.#decided(line);
    return decision === undefined && this.#asksForEvent(line) ? eventText(line) : undefined;
  }

  /** Statements whose completion never came. */
  rest(): string {
    return [...this.#open.values()].map((row) => finished(row, undefined)).join('');
  }

  #asksForEvent(line: AuditLine): boolean {
    const { session, agent } = this.#filter;
    switch (line.type) {
      case 'session-started': {
        const asked =
          (session === undefined || session === line.session.id) && (agent === undefined || agent === line.session.identity.agent);
        if (asked) this.#sessions.add(line.session.id);
        return asked;
      }
      case 'session-ended':
        return this.#sessions.delete(line.session) || (agent === undefined && (session === undefined || session === line.session));
      case 'authentication-failed':
        return session === undefined && (agent === undefined || agent === line.user);
      default:
        return session === undefined && agent === undefined;
    }
  }

  #decided(line: AuditLine & StatementDecided): string | undefined {
    const { session, agent, decision } = this.#filter;
    if (session !== undefined && line.session !== session) return undefined;
    if (agent !== undefined && line.agent !== agent) return undefined;
    if (decision !== undefined && line.decision !== decision) return undefined;
    const row = rowOf(line, this.#columns);
    if (line.decision === 'Deny') return finished(row, undefined);
    // Nothing of it runs before an Execute, which has records of its own.
    if (line.via === 'Parse') return finished({ ...row, result: 'prepared' }, undefined);
    this.#open.set(`${line.session} ${line.statement}`, row);
    return '';
  }

  #completed(line: AuditLine & StatementCompleted): string | undefined {
    const key = `${line.session} ${line.statement}`;
    const row = this.#open.get(key);
    this.#open.delete(key);
    return row === undefined ? undefined : finished(row, line);
  }
}

/** Prints a directory's records; resolves to the exit code, rejects where it cannot be read. */
export const showAudit = async (directory: string, { filter, json, follow }: ShowOptions, output: CommandOutput): Promise<number> => {
  if ((await listSegments(directory)).length === 0 && !follow) throw new Error(`there is no audit log in "${directory}"`);
  const show = new Show(filter, output.columns ?? WIDTH_OF_NO_TERMINAL);
  let changed = 0;
  for await (const bytes of auditLines(directory, follow ? (output.signal ?? new AbortController().signal) : undefined)) {
    const verdict = verifyLine(bytes);
    if (verdict.type !== 'Intact') {
      changed += 1;
      continue;
    }
    const text = show.next(verdict.line);
    if (text === undefined) continue;
    output.out(json ? `${bytes.toString()}\n` : text);
  }
  if (!json) output.out(show.rest());
  if (changed > 0) output.err(`${changed} lines are not as they were written, and are left out: pg-airlock audit verify names them\n`);
  return 0;
};
