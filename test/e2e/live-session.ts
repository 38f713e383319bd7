/**
 * A psql in an agent's container that stays, and is told one statement after the other.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { inject } from 'vitest';
import { clientPrograms } from '../support/kubernetes-binaries.ts';
import { AGENTS } from './environment.ts';

export type LiveSession = {
  /** Runs a statement; resolves with its rows as `a|b`, or with the error's message. Rejects when the session is gone. */
  readonly run: (sql: string) => Promise<{ readonly rows: readonly string[]; readonly error: string | undefined }>;
  /** Asks again and again until the session is gone, for psql looks at its connection with each statement only; resolves with its last words. */
  readonly lost: () => Promise<string>;
  readonly close: () => void;
};

/** psql ends each answer with it: whether there was an error, and the last one's message. */
const MARK = /^end-of-answer (true|false) (.*)\n/m;
const PSQL = ['psql', '-X', '-q', '-A', '-t', '-d', 'shop', '-U', 'anybody'];

/** Opens a session in the container `agent` of that pod. */
export const openSession = async (pod: string): Promise<LiveSession> => {
  const { kubectl } = await clientPrograms();
  const command = ['exec', '-i', '-n', AGENTS, pod, '-c', 'agent', '--', ...PSQL];
  const child: ChildProcessWithoutNullStreams = spawn(kubectl, command, { env: { ...process.env, KUBECONFIG: inject('kubeconfig') } });
  let text = '';
  let complaints = '';
  let changed = (): void => undefined;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    changed();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaints = (complaints + chunk).slice(-1000);
  });
  let gone = false;
  child.once('close', () => {
    gone = true;
    changed();
  });
  child.stdin.on('error', () => undefined);
  const run: LiveSession['run'] = async (sql) => {
    child.stdin.write(`${sql};\n\\echo end-of-answer :ERROR :LAST_ERROR_MESSAGE\n`);
    for (;;) {
      const mark = MARK.exec(text);
      if (mark !== null) {
        const rows = text
          .slice(0, mark.index)
          .split('\n')
          .filter((line) => line !== '');
        text = text.slice(mark.index + mark[0].length);
        return { rows, error: mark[1] === 'true' ? mark[2] : undefined };
      }
      if (gone) throw new Error(`the session of ${pod} has ended: ${complaints.trim()}`);
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
    }
  };
  const lost: LiveSession['lost'] = async () => {
    for (;;) {
      const end = await run('SELECT 1').then(
        () => undefined,
        (error: unknown) => (error as Error).message,
      );
      if (end !== undefined) return end;
      await setTimeout(100);
    }
  };
  const session = { run, lost, close: () => child.stdin.end() };
  const { error } = await run('SELECT 1');
  if (error !== undefined) throw new Error(error);
  return session;
};
