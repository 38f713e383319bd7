/**
 * What the tests of the database's door share: a connection value, and statements over an open session.
 */
import type { AuditReceipt } from '../../kernel/audit-record.ts';
import { upstreamProtocolViolation } from '../../kernel/failure.ts';
import type { Connection, TlsMode } from '../../kernel/policy.ts';
import { openUpstream } from '../../proxy/upstream/connect.ts';
import type { Upstream } from '../../proxy/upstream/upstream.ts';
import { decodeResponseFields } from '../../proxy/wire/error-response.ts';
import { encodeQuery } from '../../proxy/wire/query.ts';
import { bodyOf, ServerFrames } from '../../proxy/wire/server-frames.ts';
import { failureOf } from './failure-of.ts';

/** These tests write no audit log. */
export const RECEIPT = { sequence: 0 } as AuditReceipt;

export type ConnectionFields = {
  readonly host?: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly database?: string;
  readonly mode?: TlsMode;
  readonly ca?: string;
};

export const connectionTo = (fields: ConnectionFields): Connection => ({
  key: 'test/database',
  host: fields.host ?? '127.0.0.1',
  port: fields.port,
  database: fields.database ?? 'postgres',
  tls: { mode: fields.mode ?? 'Disable', ca: fields.ca },
  username: fields.username ?? 'postgres',
  password: fields.password === undefined ? undefined : Buffer.from(fields.password),
  auditDurability: 'Write',
});

export const open = (fields: ConnectionFields, timeoutMs = 10_000): Promise<Upstream> =>
  openUpstream({ connection: connectionTo(fields), parameters: { application_name: 'upstream test' }, timeoutMs });

/** `code: detail` of the failure to connect, or `connected`. */
export const outcomeOf = async (fields: ConnectionFields, timeoutMs?: number): Promise<string> => {
  try {
    (await open(fields, timeoutMs)).end();
    return 'connected';
  } catch (error) {
    const { code, sqlstate, message, detail } = failureOf(error);
    return code === 'upstream-refused' ? `${sqlstate} ${message}` : `${code}: ${detail}`;
  }
};

/** Runs one statement; the values of its rows as text, or its SQLSTATE. */
export const run = (upstream: Upstream, sql: string): Promise<readonly (readonly string[])[] | string> => {
  upstream.send(RECEIPT, encodeQuery(sql));
  return answer(upstream);
};

/** Reads up to ReadyForQuery. */
export const answer = (upstream: Upstream): Promise<readonly (readonly string[])[] | string> =>
  new Promise((resolve, reject) => {
    const frames = new ServerFrames();
    const bulk: Buffer[] = [];
    let sqlstate: string | undefined;
    upstream.onClose((failure) => reject(failure ?? new Error('closed')));
    upstream.onData((chunk) =>
      frames.push(chunk, {
        bulk: (raw) => bulk.push(Buffer.from(raw.view())),
        message: (type, raw) => {
          if (type === 0x45) sqlstate = decodeResponseFields(bodyOf(raw), upstreamProtocolViolation).get('C');
          if (type === 0x5a) resolve(sqlstate ?? rowsOf(Buffer.concat(bulk)));
        },
      }),
    );
  });

const rowsOf = (bytes: Buffer): readonly (readonly string[])[] => {
  const rows: string[][] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const end = offset + 1 + bytes.readInt32BE(offset + 1);
    const row: string[] = [];
    for (let at = offset + 7; at < end; ) {
      const length = bytes.readInt32BE(at);
      row.push(bytes.toString('utf8', at + 4, at + 4 + Math.max(length, 0)));
      at += 4 + Math.max(length, 0);
    }
    rows.push(row);
    offset = end;
  }
  return rows;
};
