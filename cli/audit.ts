/** `pg-airlock audit`: check an audit log, and read it. */
import { parseArgs } from 'node:util';
import type { ChainPoint } from '../kernel/audit-chain.ts';
import type { StatementDecided } from '../kernel/audit-record.ts';
import { type ShowFilter, showAudit } from './audit-show.ts';
import { verifyAudit } from './audit-verify.ts';
import type { CommandOutput } from './command-output.ts';
import { printable } from './printable.ts';

const USAGE = `usage: pg-airlock audit verify DIR [--after POINT] [--until POINT]
       pg-airlock audit show DIR [--session ID] [--agent NAME] [--decision Allow|AuditOnly|Deny]
                                 [--since TIME] [--json] [--follow]

verify checks that nothing in the log was changed, removed, moved or added. It exits with 0 if the chain is
intact (a last record that was never finished is reported, and is no fault), 1 if it is broken, and 2 if
it cannot be read. A POINT is SEQ:HASH, as verify prints it for the end of the chain:
  --after   begin behind this point: the segments before it were archived
  --until   this point was noted earlier: the chain must still reach it

show prints one line for each statement, with everything that is not plainly visible escaped.
  --since   an ISO 8601 time, or an age such as 30s, 15m, 2h, 7d
  --json    the records as they are stored
  --follow  go on printing what is added
`;

class UsageError extends Error {}

const parsePoint = (text: string | undefined): ChainPoint | undefined => {
  if (text === undefined) return undefined;
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined) throw new UsageError(`"${text}" is not a point of the chain (SEQ:HASH)`);
  return { seq: Number(seq), hash };
};

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const parseSince = (text: string | undefined): Date | undefined => {
  if (text === undefined) return undefined;
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const time = amount === undefined || unit === undefined ? Date.parse(text) : Date.now() - Number(amount) * (UNITS[unit] ?? 0);
  if (!Number.isFinite(time)) throw new UsageError(`"${text}" is not a time`);
  return new Date(time);
};

const DECISIONS: readonly string[] = ['Allow', 'AuditOnly', 'Deny'] satisfies readonly StatementDecided['decision'][];

const parseDecision = (text: string | undefined): string | undefined => {
  if (text !== undefined && !DECISIONS.includes(text)) throw new UsageError(`"${text}" is not one of ${DECISIONS.join(', ')}`);
  return text;
};

const only = (positionals: readonly string[]): string => {
  const [directory] = positionals;
  if (directory === undefined || positionals.length > 1) throw new UsageError('one directory is needed');
  return directory;
};

const verify = (args: readonly string[], output: CommandOutput): Promise<number> => {
  const options = { after: { type: 'string' }, until: { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const after = parsePoint(values.after);
  const until = parsePoint(values.until);
  return verifyAudit(only(positionals), { ...(after && { after }), ...(until && { until }) }, output);
};

const show = (args: readonly string[], output: CommandOutput): Promise<number> => {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = { session: text, agent: text, decision: text, since: text, json: flag, follow: flag } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const filter: ShowFilter = {
    session: values.session,
    agent: values.agent,
    decision: parseDecision(values.decision),
    since: parseSince(values.since),
  };
  return showAudit(only(positionals), { filter, json: values.json, follow: values.follow }, output);
};

const isUsageError = (error: unknown): error is Error =>
  error instanceof UsageError ||
  (error instanceof TypeError && 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_PARSE_ARGS'));

/** Runs `audit ARGS`; resolves to the exit code: 0 intact or shown, 1 broken, 2 wrong usage or unreadable. */
export const auditCommand = async (args: readonly string[], output: CommandOutput): Promise<number> => {
  const [command, ...rest] = args;
  try {
    if (command === 'verify') return await verify(rest, output);
    if (command === 'show') return await show(rest, output);
    if (command === '--help' || command === 'help') {
      output.out(USAGE);
      return 0;
    }
    throw new UsageError(command === undefined ? 'a command is needed' : `"${command}" is no command`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    output.err(`pg-airlock audit: ${printable(reason)}\n${isUsageError(error) ? `\n${USAGE}` : ''}`);
    return 2;
  }
};
