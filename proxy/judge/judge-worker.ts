/**
 * The thread that judges large texts, one at a time: things start here with a message. `large-texts.ts` starts and ends it.
 */
import { parentPort } from 'node:worker_threads';
import { Failure, internalError } from '../../kernel/failure.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { RowEstimate } from '../catalog/row-estimator.ts';
import type { PreparedByText, SessionState } from '../policy/judgement.ts';
import { Grammar } from '../sql/grammar.ts';
import { judgeContext, type JudgeQuestions } from './judge-context.ts';
import { judgeText, type TextJudgement } from './judge-text.ts';
import type { CopiedJudgement, FromWorker, ToWorker } from './worker-messages.ts';

if (parentPort === null) throw new Error('this is a worker of large-texts.ts');
const port = parentPort;

const tell = (message: FromWorker): void => port.postMessage(message);

type Pending = { readonly resolve: (answer: unknown) => void; readonly reject: (error: unknown) => void };

const pending = new Map<number, Pending>();
let questions = 0;

const ask = (message: (question: number) => FromWorker): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const question = ++questions;
    pending.set(question, { resolve, reject });
    tell(message(question));
  });

const QUESTIONS: JudgeQuestions = {
  probe: async (sql) => (await ask((question) => ({ type: 'Probe', question, sql }))) as string | undefined,
  estimate: async (statement) => (await ask((question) => ({ type: 'Estimate', question, statement }))) as RowEstimate,
};

const onFault = (error: unknown): void =>
  tell({ type: 'Fault', stack: error instanceof Error ? (error.stack ?? error.message) : String(error) });

let catalog: Catalog | undefined;
let grammar: Grammar | undefined;

/** A look-up that notes what it has no answer for. */
const lookUp =
  (known: ReadonlyMap<string, PreparedByText | undefined>, wanted: Set<string>) =>
  (name: string): PreparedByText | undefined => {
    if (!known.has(name)) wanted.add(name);
    return known.get(name);
  };

const copied = ({ judged, cacheable, unknownNames, defines }: TextJudgement): CopiedJudgement => ({
  defines,
  cacheable,
  unknownNames,
  judged: judged.decision === 'Deny' ? { ...judged, failure: judged.failure.fields } : judged,
});

const judge = async (task: ToWorker & { readonly type: 'Judge' }): Promise<void> => {
  catalog = task.catalog ?? catalog;
  if (catalog === undefined) throw new Error('there is no catalog');
  if (grammar === undefined || task.catalog !== undefined) grammar = new Grammar(catalog.serverMajor);
  const prepared = new Set<string>();
  const cursors = new Set<string>();
  const state: SessionState = {
    searchPath: task.state.searchPath,
    ...(task.state.uncommitted === undefined ? {} : { uncommitted: task.state.uncommitted }),
    ...(task.state.parameterTypes === undefined ? {} : { parameterTypes: task.state.parameterTypes }),
    prepared: lookUp(task.state.prepared, prepared),
    cursor: lookUp(task.state.cursors, cursors),
  };
  const context = judgeContext({ catalog, grants: task.grants, revision: task.revision }, { ...QUESTIONS, grammar, onFault }, new Map());
  const judgement = await judgeText(Buffer.from(task.bytes.buffer, task.bytes.byteOffset, task.bytes.length), task.via, state, context);
  // INVARIANT: a judgement that was made without what a name stands for is none.
  if (prepared.size + cursors.size > 0) tell({ type: 'NamesWanted', prepared: [...prepared], cursors: [...cursors] });
  else tell({ type: 'Judged', judgement: copied(judgement) });
};

const settle = (question: number, settled: (waiting: Pending) => void): void => {
  const waiting = pending.get(question);
  pending.delete(question);
  if (waiting !== undefined) settled(waiting);
};

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'Judge':
      // A rejection ends the thread, and with it the statement.
      void judge(message);
      break;
    case 'Answer':
      settle(message.question, ({ resolve }) => resolve(message.answer));
      break;
    case 'NoAnswer':
      settle(message.question, ({ reject }) => reject(message.failure === undefined ? internalError() : new Failure(message.failure)));
      break;
    default:
      message satisfies never;
  }
});
