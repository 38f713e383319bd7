/**
 * The demo's agent: a client of node-postgres that asks through the airlock and keeps what came back.
 */
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { StatementDecided } from '../../kernel/audit-record.ts';
import { readChain } from '../audit/read-chain.ts';

/** What came back for one statement, and what the audit log says of it. */
export type Answer = {
  readonly sql: string;
  readonly parameters: readonly string[];
  readonly columns: readonly string[];
  /** Values as PostgreSQL wrote them. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** What completed, as `UPDATE 1`; undefined where rows say it. */
  readonly tag: string | undefined;
  readonly error: pg.DatabaseError | undefined;
  readonly decided: StatementDecided;
};

export type Agent = {
  readonly ask: (sql: string, parameters?: readonly string[]) => Promise<Answer>;
  readonly end: () => Promise<void>;
};

type Reply = Pick<Answer, 'columns' | 'rows' | 'tag'>;

const AS_WRITTEN = { getTypeParser: () => (value: string | Buffer) => value };

/** Connects; each statement's decision is read from the log in `auditDirectory`. */
export const connectAgent = async (url: string, auditDirectory: string): Promise<Agent> => {
  const client = new pg.Client({ connectionString: url, application_name: 'demo' });
  // A connection that is lost makes the next statement fail, which says so.
  client.on('error', () => undefined);
  await client.connect();
  const ask: Agent['ask'] = async (sql, parameters = []) => {
    const before = (await decisions(auditDirectory)).length;
    const reply = await (/^copy/i.test(sql) ? copy(client, sql) : query(client, sql, parameters)).catch((error: unknown) => {
      if (error instanceof pg.DatabaseError) return error;
      throw error;
    });
    const decided = (await decisions(auditDirectory)).slice(before).at(-1);
    if (decided === undefined) throw new Error(`no audit record of ${sql}`);
    const told = reply instanceof Error ? { columns: [], rows: [], tag: undefined, error: reply } : { ...reply, error: undefined };
    return { sql, parameters, ...told, decided };
  };
  return { ask, end: () => client.end() };
};

const query = async (client: pg.Client, text: string, parameters: readonly string[]): Promise<Reply> => {
  const values = parameters.length === 0 ? {} : { values: [...parameters] };
  const result = await client.query<(string | null)[]>({ text, rowMode: 'array', types: AS_WRITTEN, ...values });
  const tag = result.fields.length === 0 ? `${result.command} ${result.rowCount ?? ''}` : undefined;
  return { columns: result.fields.map(({ name }) => name), rows: result.rows, tag };
};

const copy = async (client: pg.Client, sql: string): Promise<Reply> => {
  let text = '';
  for await (const chunk of client.query(copyTo(sql)) as AsyncIterable<Buffer>) text += chunk.toString();
  return {
    columns: [],
    tag: undefined,
    rows: text
      .split('\n')
      .slice(0, -1)
      .map((line) => [line]),
  };
};

const decisions = async (directory: string): Promise<readonly StatementDecided[]> =>
  (await readChain(directory)).lines.filter((line) => line.type === 'decision');
