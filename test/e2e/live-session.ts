/**
 * A psql in an agent's container that stays, and is told one statement after the other.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { inject } from 'vitest';
import { clientPrograms } from '../support/kubernetes-binaries.ts';
import { AGENTS } from './environment.ts';

export type LiveSession = {
  /** Runs a statement; resolves with its rows as `a|b`, or with the error's message. Rejects when the session is gone. */
  readonly run: (sql: string) => Promise<{ readonly rows: readonly string[]; readonly error: string | undefined }>;
  /** Resolves with what psql said last when the session has ended. */
  readonly ended: Promise<string>;
  readonly close: () => void;
};

const MARK = 'end of answer';
const PSQL = ['psql', '-X', '-q', '-A', '-t', '-d', 'shop', '-U', 'anybody', '-v', 'VERBOSITY=terse'];

/** Opens a session in the container `agent` of that pod. */
export const openSession = async (pod: string): Promise<LiveSession> => {
  const { kubectl } = await clientPrograms();
  const command = ['exec', '-i', '-n', AGENTS, pod, '-c', 'agent', '--', 'sh', '-c', `exec ${PSQL.join(' ')} 2>&1`];
  const child: ChildProcessWithoutNullStreams = spawn(kubectl, command, { env: { ...process.env, KUBECONFIG: inject('kubeconfig') } });
  let text = '';
  let changed = (): void => undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      changed();
    });
  }
  let gone = false;
  const ended = new Promise<string>((resolve) => {
    child.once('close', () => {
      gone = true;
      changed();
      resolve(text.trim());
    });
  });
  child.stdin.on('error', () => undefined);
  const run: LiveSession['run'] = async (sql) => {
    text = '';
    child.stdin.write(`${sql};\n\\echo ${MARK}\n`);
    while (!text.includes(`${MARK}\n`)) {
      if (gone) throw new Error(`the session of ${pod} has ended: ${text.trim()}`);
      await new Promise<void>((resolve) => {
        changed = resolve;
      });
    }
    const lines = text
      .slice(0, text.indexOf(`${MARK}\n`))
      .trim()
      .split('\n');
    const error = lines.find((line) => /^(ERROR|FATAL|psql: error):/.test(line));
    return { rows: error === undefined ? lines.filter((line) => line !== '') : [], error };
  };
  const session = { run, ended, close: () => child.stdin.end() };
  const { error } = await run('SELECT 1');
  if (error !== undefined) throw new Error(error);
  return session;
};
