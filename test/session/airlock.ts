/**
 * A listener that serves sessions in front of a real PostgreSQL, with a judge that lets everything pass but what a test says.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { AuditReceipt, AuditRecord } from '../../kernel/audit-record.ts';
import { auditUnavailable, shuttingDown, statementRefused } from '../../kernel/failure.ts';
import { type Limits, NO_LIMITS } from '../../kernel/policy.ts';
import {
  type Edit,
  type Judge,
  type Judged,
  NO_TERMS,
  type PreparedByText,
  type RunningTerms,
  type SessionState,
  type StatementEffect,
} from '../../proxy/policy/judgement.ts';
import { CancelRegistry } from '../../proxy/session/cancel-registry.ts';
import type { SessionDependencies } from '../../proxy/session/dependencies.ts';
import type { Outcome } from '../../proxy/session/outcome.ts';
import { serveClient } from '../../proxy/session/serve-client.ts';
import { MemoryPool } from '../../proxy/session/session-memory.ts';
import { Sessions } from '../../proxy/session/sessions.ts';
import { openUpstream } from '../../proxy/upstream/connect.ts';
import { encodeAuthenticationOk } from '../../proxy/wire/authentication.ts';

/** What a test may turn while sessions live. */
export type Knobs = {
  revision: string;
  /** Texts that contain one of these are refused. */
  refused: string[];
  /** Replacements in the text, first occurrence each. */
  replaced: Map<string, string>;
  /** Terms of each statement that contains one of these words. */
  terms: Map<string, RunningTerms>;
  filtered: string[];
  withholdErrors: boolean;
  maskedParameters: number[];
  auditFails: boolean;
  /** The catalog is being read again. */
  renewing: Promise<void> | undefined;
  notices: 'Forward' | 'Withhold';
  limits: Limits;
  /** For sessions that start. */
  sendTimeout: number;
  /** Search paths that judgements met, in order. */
  paths: (readonly string[])[];
};

export type Airlock = {
  readonly port: number;
  readonly knobs: Knobs;
  readonly records: AuditRecord[];
  readonly outcomes: Outcome[];
  readonly logged: string[];
  /** Limits that refused or ended something. */
  readonly limited: string[];
  readonly sessions: Sessions;
  readonly revoke: AbortController;
  readonly close: () => Promise<void>;
};

const quoted = (name: string): string => name.replaceAll('"', '').replace(/\(.*/, '');

const statementsOf = (sql: string): string[] => sql.split(';').filter((text) => text.trim() !== '');

const termsOf = (knobs: Knobs, sql: string): RunningTerms => [...knobs.terms].find(([word]) => sql.includes(word))?.[1] ?? NO_TERMS;

/** What EXECUTE and FETCH run has the terms of what they name. */
const termsOfAll = (knobs: Knobs, sql: string, effects: readonly StatementEffect[], state: SessionState): RunningTerms[] => {
  const made = new Map<string, PreparedByText>();
  return statementsOf(sql).map((text, index) => {
    const effect = effects[index];
    switch (effect?.type) {
      case 'Prepare':
      case 'Declare':
        made.set(effect.name, effect.prepared);
        return NO_TERMS;
      case 'Execute':
        return (made.get(effect.name) ?? state.prepared(effect.name))?.terms ?? NO_TERMS;
      case 'Fetch':
        return (made.get(effect.name) ?? state.cursor(effect.name))?.terms ?? NO_TERMS;
      default:
        return termsOf(knobs, text);
    }
  });
};

/** Effects of the few statements that these tests send, one per statement of the text. */
const effectsOf = (sql: string, knobs: Knobs): StatementEffect[] => {
  const prepared = (text: string): PreparedByText => ({
    revision: knobs.revision,
    keyed: false,
    unfenced: false,
    withholdErrors: false,
    relations: [],
    masked: [],
    filtered: knobs.filtered,
    policies: [],
    terms: termsOf(knobs, text),
  });
  const transaction = (action: Extract<StatementEffect, { type: 'Transaction' }>['action'], name?: string): StatementEffect => ({
    type: 'Transaction',
    action,
    name,
    chain: false,
  });
  return statementsOf(sql).map((text): StatementEffect => {
    const [first = '', second = '', third = '', fourth = ''] = text.trim().split(/\s+/);
    switch (first.toUpperCase()) {
      case 'PREPARE':
        return { type: 'Prepare', name: quoted(second), prepared: prepared(text) };
      case 'EXECUTE':
        return { type: 'Execute', name: quoted(second) };
      case 'DECLARE':
        return { type: 'Declare', name: quoted(second), prepared: prepared(text) };
      case 'FETCH':
        return { type: 'Fetch', name: quoted(fourth) };
      case 'DEALLOCATE':
        return { type: 'Deallocate', name: second.toUpperCase() === 'ALL' ? undefined : quoted(second) };
      case 'BEGIN':
        return transaction('Begin');
      case 'COMMIT':
        return transaction('Commit');
      case 'ROLLBACK':
        return second.toUpperCase() === 'TO' ? transaction('RollbackTo', third) : transaction('Rollback');
      case 'SAVEPOINT':
        return transaction('Savepoint', second);
      case 'SET':
        return second === 'search_path' ? { type: 'SetSearchPath', path: [fourth], local: false } : { type: 'None' };
      default:
        return { type: 'None' };
    }
  });
};

const judgeOf = (knobs: Knobs): Judge => ({
  revision: () => knobs.revision,
  renewing: () => knobs.renewing,
  defaultSearchPath: () => ['public'],
  judge: async (bytes, _via, state): Promise<Judged> => {
    knobs.paths.push(state.searchPath);
    const sql = bytes.toString('utf8');
    const common = {
      kinds: ['Any'],
      relations: [],
      masked: [],
      filtered: knobs.filtered,
      policies: ['test/p'],
      rules: [],
      reasons: [],
      revision: knobs.revision,
    };
    if (knobs.refused.some((word) => sql.includes(word))) {
      const failure = statementRefused('this', 'Try something else.');
      return { ...common, decision: 'Deny', failure, reasons: [{ code: failure.fields.code, message: failure.message }] };
    }
    const edits: Edit[] = [];
    let sent = sql;
    for (const [from, to] of knobs.replaced) {
      if (sql.includes(from)) {
        const start = Buffer.byteLength(sql.slice(0, sql.indexOf(from)));
        edits.push({ start, end: start + Buffer.byteLength(from), text: to });
        sent = sent.replace(from, to);
      }
    }
    const { withholdErrors, maskedParameters } = knobs;
    const effects = effectsOf(sql, knobs);
    const recorded = edits.length === 0 ? undefined : sent;
    const terms = termsOfAll(knobs, sql, effects, state);
    return {
      ...common,
      decision: 'Allow',
      sent,
      recorded,
      edits,
      effects,
      terms,
      withholdErrors,
      keyed: false,
      unfenced: false,
      maskedParameters,
    };
  },
});

export const startAirlock = async (
  server: { readonly host: string; readonly port: number },
  options: {
    readonly tls?: { readonly key: string; readonly cert: string };
    readonly tlsRequired?: boolean;
    readonly database?: string;
  } = {},
): Promise<Airlock> => {
  const knobs: Knobs = {
    revision: '1',
    refused: [],
    replaced: new Map(),
    terms: new Map(),
    filtered: [],
    withholdErrors: false,
    maskedParameters: [],
    auditFails: false,
    renewing: undefined,
    notices: 'Forward',
    limits: NO_LIMITS,
    sendTimeout: 0,
    paths: [],
  };
  const records: AuditRecord[] = [];
  const outcomes: Outcome[] = [];
  const logged: string[] = [];
  const limited: string[] = [];
  const revoke = new AbortController();
  const { host, port } = server;
  const connection = {
    key: 'test/c',
    host,
    port,
    database: options.database ?? 'postgres',
    tls: { mode: 'Disable', ca: undefined },
    username: 'postgres',
    password: Buffer.from('postgres'),
    auditDurability: 'Write',
  } as const;
  const dependencies: SessionDependencies = {
    clock: { now: () => new Date(), monotonic: () => performance.now() },
    randomBytes,
    log: (event, details) => logged.push(`${event} ${JSON.stringify(details)}`),
    observe: (outcome) => outcomes.push(outcome),
    limited: (limit) => {
      if (limit !== undefined) limited.push(limit);
    },
    authenticate: (user) => ({
      start: () => ({ type: 'Done', messages: [encodeAuthenticationOk()], identity: { agent: user, method: 'Fixed' } }),
      respond: () => Promise.reject(new Error('nothing was asked')),
    }),
    authenticationFailed: (user, _address, reason) => logged.push(`authentication-failed ${user} ${reason}`),
    openAccess: () => ({
      connection: connection.key,
      judge: judgeOf(knobs),
      audit: {
        append: async (appended) => {
          await Promise.resolve();
          if (knobs.auditFails) throw auditUnavailable('The disk is full.');
          records.push(...appended);
          return { sequence: records.length } as AuditReceipt;
        },
      },
      notices: () => knobs.notices,
      admit: () => undefined,
      probes: { left: () => 1_000, spend: () => undefined },
      limits: () => knobs.limits,
      startupSetting: (name) => (name === 'role' ? statementRefused('role', 'Leave it.') : undefined),
      resolveSearchPath: (names) => names,
      openUpstream: (parameters, signal) => openUpstream({ connection, parameters, timeoutMs: 5_000, signal }),
      ended: revoke.signal,
    }),
    messageLimit: 16 * 1024 * 1024,
    sessionMemory: 32 * 1024 * 1024,
    memory: new MemoryPool(256 * 1024 * 1024),
    get sendTimeout() {
      return knobs.sendTimeout;
    },
  };
  const sessions = new Sessions();
  const cancels = new CancelRegistry(randomBytes);
  const tls = options.tls === undefined ? undefined : { context: createSecureContext(options.tls), required: options.tlsRequired ?? false };
  const listener = createServer({ noDelay: true }, (socket) => {
    void serveClient(socket, { dependencies, cancels, sessions, tls, startupDeadline: 5_000 });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const close = async (): Promise<void> => {
    listener.close();
    await sessions.drain(0, shuttingDown());
  };
  return { port: (listener.address() as AddressInfo).port, knobs, records, outcomes, logged, limited, sessions, revoke, close };
};
