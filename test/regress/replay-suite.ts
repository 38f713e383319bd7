/**
 * Sends what was recorded once more, somewhere else.
 */
import type { Answer } from './answer.ts';
import { differenceOf } from './compare.ts';
import type { Step } from './record-suite.ts';
import type { Target } from './target.ts';

export type Replaying = {
  readonly target: Target;
  readonly settled: () => Promise<void> /** Through the proxy: tells why it refused the last statement, if it did. */;
  readonly refusal?: () => Promise<string | undefined>;
};

export type Replayed = {
  readonly answer: Answer;
  /** Codes of `docs/errors.md`, where the proxy refused. */
  readonly refusal: string | undefined;
  /** Not sent through the proxy: the set-up had made something in the same transaction. */
  readonly beside: boolean;
  /** The set-up had made something temporary in this session. */
  readonly temporary: boolean;
};

/** Values of variables that are others on this side: oids, numbers of temporary schemas and of transactions. */
class OwnValues {
  readonly #values = new Map<string, string>();

  take(recorded: Answer | undefined, own: Answer): void {
    const [before, now] = [recorded, own].map((answer) => (answer?.rows.length === 1 ? cellsOf(answer.rows[0] ?? '') : []));
    for (const [index, value] of (before ?? []).entries()) {
      const other = now?.[index];
      if (typeof value === 'string' && typeof other === 'string' && other !== value && NUMBERED.test(value) && NUMBERED.test(other))
        this.#values.set(value, other);
    }
  }

  in(text: string): string {
    return this.#values.size === 0 ? text : text.replace(/\b(?:pg_temp_)?\d+\b/g, (word) => this.#values.get(word) ?? word);
  }
}

const NUMBERED = /^(?:pg_temp_\d+|\d{4,})$/;

const cellsOf = (row: string): readonly unknown[] => (row.startsWith('[') ? (JSON.parse(row) as unknown[]) : []);

/** The answers to the steps of one file, in order. */
export const replayFile = async (
  steps: readonly Step[],
  { target, settled, refusal }: Replaying,
): Promise<readonly (Replayed | undefined)[]> => {
  await target.connect();
  const answers: (Replayed | undefined)[] = [];
  const values = new OwnValues();
  let open = false;
  let temporary = false;
  for (const recorded of steps) {
    const step = { ...recorded, text: values.in(recorded.text) };
    const rows = [...step.data];
    const data = (): string => rows.shift() ?? '';
    if (step.scope === 'Connect') {
      temporary = false;
      await target.connect();
    }
    if (step.scope !== 'Compared' && step.scope !== 'SetUp') {
      answers.push(undefined);
      continue;
    }
    if (step.settled) await settled();
    const before = target.status;
    // Only the server session sees what the set-up has made in its open transaction.
    const beside = refusal !== undefined && open && target.status === 'T' && !step.kinds.includes('TransactionStmt');
    const direct = step.scope === 'SetUp' || beside;
    const answer = direct ? await target.setUp(step.text, data) : await target.run(step.text, data);
    if (step.sets === true) values.take(step.answer, answer);
    if (beside && step.scope === 'Compared') {
      answers.push({ answer, beside, temporary, refusal: undefined });
      continue;
    }
    const differs = step.scope === 'Compared' && step.answer !== undefined && differenceOf(step.answer, answer) !== undefined;
    if (step.scope === 'SetUp') {
      open ||= before !== 'I' && target.status !== 'I';
      temporary ||= /\bTEMP(ORARY)?\b|\bpg_temp\b/i.test(step.text);
    } else if (target.status === 'I') open = false;
    answers.push({
      answer,
      beside: false,
      temporary,
      refusal: differs && answer.error !== undefined && !answer.ofServer ? await refusal?.() : undefined,
    });
    // What was refused is done all the same, so that the next statements find the same rows.
    const missed = refusal !== undefined && step.scope === 'Compared' && answer.error !== undefined && step.answer?.error === undefined;
    if (missed && target.status === 'I') {
      rows.splice(0, rows.length, ...step.data);
      await target.setUp(step.text, data);
    }
  }
  return answers;
};
