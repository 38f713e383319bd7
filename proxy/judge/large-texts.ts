/**
 * Judges large texts on a thread of their own, so that no session waits for another's: parsing 200,000 tokens takes a second. The thread
 * has a deeper stack, a limit of memory and of time; it is started when it is needed, and ended when it is not.
 */
import { Worker } from 'node:worker_threads';
import { Failure, internalError, statementTooComplex } from '../../kernel/failure.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { optimise } from '../v8-flags.ts';
import type { SessionState } from '../policy/judgement.ts';
import type { JudgeBasis, JudgeQuestions } from './judge-context.ts';
import type { TextJudgement } from './judge-text.ts';
import type { CopiedState, FromWorker, ToWorker } from './worker-messages.ts';

/** Bytes from which on a text is judged elsewhere: below, judging takes the main thread a few milliseconds. */
export const LARGE_TEXT = 16 * 1024;

export type LargeText = {
  readonly bytes: Buffer;
  readonly via: 'Query' | 'Parse';
  readonly state: SessionState;
  readonly basis: JudgeBasis;
  readonly questions: JudgeQuestions;
  readonly onFault: (error: unknown) => void;
};

/** Milliseconds. */
export type LargeTextTiming = {
  /** That judging may take without a word. */
  readonly patience: number;
  /** That the thread is kept without work. */
  readonly idle: number;
};

const TIMING: LargeTextTiming = { patience: 10_000, idle: 10_000 };

const LIMITS = { stackSizeMb: 16, maxOldGenerationSizeMb: 768, maxYoungGenerationSizeMb: 64 };

/** How often a text may ask for names, one statement's effect leading to the next. */
const MAX_ROUNDS = 10;

const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './judge-worker.ts' : './judge-worker.cjs', import.meta.url);

type Running = {
  readonly worker: Worker;
  /** The catalog that the thread has. */
  catalog: Catalog | undefined;
  receive: (message: FromWorker) => void;
  fail: (failure: Failure) => void;
};

const ignore = (): void => undefined;

const failureOf = (error: unknown): Failure =>
  error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? statementTooComplex('Judging it takes more memory than one statement may have.')
    : internalError();

export class LargeTexts {
  readonly #timing: LargeTextTiming;
  #running: Running | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(timing: LargeTextTiming = TIMING) {
    this.#timing = timing;
  }

  /** One after the other. Rejects with `Failure`. */
  judge(text: LargeText): Promise<TextJudgement> {
    this.#waiting++;
    clearTimeout(this.#idle);
    const result = this.#work.then(() => this.#judge(text));
    this.#work = result.then(ignore, ignore).finally(() => {
      if (--this.#waiting > 0) return;
      this.#idle = setTimeout(() => this.#drop(), this.#timing.idle);
      this.#idle.unref();
    });
    return result;
  }

  /** The thread at work, for tests. */
  get worker(): Worker | undefined {
    return this.#running?.worker;
  }

  async #judge(text: LargeText): Promise<TextJudgement> {
    const prepared = new Map<string, ReturnType<SessionState['prepared']>>();
    const cursors = new Map<string, ReturnType<SessionState['cursor']>>();
    const { searchPath, parameterTypes, uncommitted } = text.state;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const answer = await this.#ask(text, { searchPath, uncommitted, parameterTypes, prepared, cursors });
      if (answer.type === 'Judged') {
        const { judged, ...rest } = answer.judgement;
        return { ...rest, judged: judged.decision === 'Deny' ? { ...judged, failure: new Failure(judged.failure) } : judged };
      }
      for (const name of answer.prepared) prepared.set(name, text.state.prepared(name));
      for (const name of answer.cursors) cursors.set(name, text.state.cursor(name));
    }
    throw internalError();
  }

  #ask(text: LargeText, state: CopiedState): Promise<FromWorker & { readonly type: 'Judged' | 'NamesWanted' }> {
    const running = (this.#running ??= this.#start());
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const wait = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          this.#drop();
          running.fail(statementTooComplex('Judging it takes too long.'));
        }, this.#timing.patience);
        timer.unref();
      };
      const done = (): void => {
        clearTimeout(timer);
        running.receive = ignore;
        running.fail = ignore;
      };
      running.fail = (failure) => {
        done();
        reject(failure);
      };
      running.receive = (message) => {
        switch (message.type) {
          case 'Judged':
          case 'NamesWanted':
            done();
            resolve(message);
            break;
          case 'Fault':
            text.onFault(new Error(`in the thread for large texts: ${message.stack}`));
            break;
          default:
            // The server has its own time limits.
            clearTimeout(timer);
            void this.#answer(text, message).then((answer) => {
              if (this.#running !== running) return;
              wait();
              running.worker.postMessage(answer);
            });
        }
      };
      const { catalog, grants, revision } = text.basis;
      const known = running.catalog === catalog;
      running.catalog = catalog;
      wait();
      const task: ToWorker = {
        type: 'Judge',
        bytes: text.bytes,
        via: text.via,
        state,
        catalog: known ? undefined : catalog,
        grants,
        revision,
      };
      running.worker.postMessage(task);
    });
  }

  async #answer({ questions, onFault }: LargeText, message: FromWorker & { readonly type: 'Probe' | 'Estimate' }): Promise<ToWorker> {
    const { question } = message;
    try {
      const answer = message.type === 'Probe' ? await questions.probe(message.sql) : await questions.estimate(message.statement);
      return { type: 'Answer', question, answer };
    } catch (error) {
      if (error instanceof Failure) return { type: 'NoAnswer', question, failure: error.fields };
      onFault(error);
      return { type: 'NoAnswer', question, failure: undefined };
    }
  }

  #start(): Running {
    // The main thread may have nothing else to do, and so never ask for it.
    optimise();
    const worker = new Worker(ENTRY, { resourceLimits: LIMITS, env: {} });
    const running: Running = { worker, catalog: undefined, receive: ignore, fail: ignore };
    const gone = (failure: Failure): void => {
      if (this.#running === running) this.#running = undefined;
      running.fail(failure);
    };
    worker.on('message', (message: FromWorker) => running.receive(message));
    worker.on('error', (error) => gone(failureOf(error)));
    worker.on('exit', () => gone(internalError()));
    // The process does not live for its sake.
    worker.unref();
    return running;
  }

  #drop(): void {
    const running = this.#running;
    this.#running = undefined;
    void running?.worker.terminate();
  }
}
