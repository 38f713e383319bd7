/**
 * Compares what the server was asked to do with what the audit log decided before.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { AuditLine } from '../../kernel/audit-chain.ts';
import { Tail } from './tail.ts';

/** Settings of a server that logs each statement: parsed, bound, run, failed. */
export const TELLING_SETTINGS: Readonly<Record<string, string>> = {
  logging_collector: 'on',
  log_destination: 'jsonlog',
  log_directory: 'log',
  log_filename: 'server-%Y%m%d-%H%M%S.log',
  log_rotation_size: '32MB',
  log_statement: 'all',
  log_min_duration_statement: '0',
  log_min_error_statement: 'error',
  log_connections: 'off',
};

/** The proxy's own: what it sends in place of a refused statement, and how its catalog sessions are called. */
const POISON = 'refused by pg-airlock: this is not a statement, and fails on purpose';
const CATALOG = 'pg-airlock catalog';

type LogLine = {
  readonly timestamp?: string;
  readonly backend_type?: string;
  readonly application_name?: string;
  readonly dbname?: string;
  readonly message?: string;
  readonly statement?: string;
};

/** A text that the server met, as it may stand in the audit log: names of statements and portals come before it. */
type Met = { readonly time: number; readonly candidates: readonly string[]; readonly shown: string };

const digest = (text: string): string => createHash('sha1').update(text).digest('base64');

const TOLD = /^(?:duration: [\d.]+ ms {2}(statement|parse|bind|execute)|(statement|execute))(?: |: )/;

/** What a line of the server's log says of a statement. */
const textsOf = ({ message = '', statement }: LogLine): string[][] => {
  const found: string[][] = statement === undefined ? [] : [[statement]];
  const told = TOLD.exec(message);
  const kind = told?.[1] ?? told?.[2];
  if (kind === undefined) return found;
  // Names can hold anything, so that any `: ` may be the one before the text.
  const starts = [...message.matchAll(/: /g)].map(({ index }) => message.slice(index + 2));
  const after = message.startsWith('duration: ') ? starts.slice(1) : starts;
  found.push(kind === 'statement' ? after.slice(0, 1) : after);
  return found;
};

export class VettedStatements {
  readonly #server: Tail;
  readonly #audit: Tail;
  readonly #database: string;
  /** The earliest decision that lets a text through. */
  readonly #decided = new Map<string, number>();
  #statements = 0;
  readonly #texts = new Set<string>();

  /** `database`: the one that only the proxy is to use. */
  constructor({
    dataDirectory,
    auditDirectory,
    database,
  }: { readonly dataDirectory: string; readonly auditDirectory: string; readonly database: string }) {
    this.#server = new Tail(join(dataDirectory, 'log'), '.json');
    this.#audit = new Tail(auditDirectory, '.jsonl');
    this.#database = database;
  }

  /** Statements of the server's log that were looked at, those that the proxy made itself left out. */
  get statements(): number {
    return this.#statements;
  }

  /** Different texts among them. */
  get texts(): number {
    return this.#texts.size;
  }

  /** What the server met, since the last time, without a decision before it. */
  async unvetted(): Promise<string[]> {
    const met: Met[] = [];
    await this.#server.read((line) => {
      const entry = JSON.parse(line) as LogLine;
      if (entry.backend_type !== 'client backend' || entry.dbname !== this.#database || entry.application_name === CATALOG) return;
      const time = Date.parse((entry.timestamp ?? '').replace(' UTC', 'Z').replace(' ', 'T'));
      for (const candidates of textsOf(entry)) {
        if (candidates[0] === POISON || candidates.at(-1) === POISON || candidates[0] === '') continue;
        met.push({
          time,
          candidates: candidates.map(digest),
          shown: (entry.message ?? '').slice(0, 300) + (entry.statement ?? '').slice(0, 300),
        });
      }
    });
    await this.#server.prune();
    // Read after the server's log, so that what was decided before is here.
    await this.#audit.read((line) => {
      const record = JSON.parse(line) as AuditLine;
      if (record.type !== 'decision' || record.decision === 'Deny') return;
      const key = digest(record.sent ?? record.sql);
      const time = Date.parse(record.time);
      if ((this.#decided.get(key) ?? Infinity) > time) this.#decided.set(key, time);
    });
    this.#statements += met.length;
    for (const { candidates } of met) this.#texts.add(candidates[0]!);
    return met
      .filter(({ time, candidates }) => !candidates.some((key) => (this.#decided.get(key) ?? Infinity) <= time))
      .map(({ shown }) => shown);
  }
}
