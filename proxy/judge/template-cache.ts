/**
 * Judgements of texts that differ from others only in literals on which the judgement does not depend.
 *
 * That is known of a literal when two things hold of two texts that were judged in full and differ in it: nobody has read its value in
 * the parse tree (`literal-watch.ts`), and what was written into the text is the same. A literal of which it is not known has to be the same.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Allowed, Edit, Judged } from '../policy/judgement.ts';
import { applyEdits } from '../scope/apply-edits.ts';
import { JudgementCache } from './cache.ts';
import type { JudgementMemory } from './judgement-memory.ts';
import { weightOf } from './kept-judgement.ts';
import type { Template } from './template.ts';

/** What a judgement in full leaves to be learned from. */
export type Lesson = {
  readonly template: Template;
  readonly judged: Judged;
  /** For each slot: nobody read it. */
  readonly unread: readonly boolean[];
  /** What was written into the text that is recorded. */
  readonly recordedEdits: readonly Edit[];
};

type Model = Lesson & {
  readonly judged: Allowed;
  /** The literals of the text that was judged, as they stand there. */
  readonly literals: readonly string[];
  /** Slots on which the judgement is known not to depend. */
  readonly free: readonly boolean[];
};

/** Texts of one template that have to have other values somewhere. */
const MODELS = 8;
const TEMPLATES = 2_000;

/** Far below what is refused for its length, whatever the literals. */
const MAX_SENT = 1024 * 1024;

const literalsOf = (bytes: Buffer, { slots }: Template): readonly string[] =>
  slots.map(({ start, end }) => bytes.toString('latin1', start, end));

/** Edits of one text where they belong in another one of the same template. */
const moved = (edits: readonly Edit[], from: Template, to: Template): readonly Edit[] => {
  const shift = (offset: number): number => {
    let last = -1;
    while ((from.slots[last + 1]?.end ?? Number.POSITIVE_INFINITY) <= offset) last += 1;
    return last < 0 ? 0 : (to.slots[last]?.end ?? 0) - (from.slots[last]?.end ?? 0);
  };
  return edits.map(({ start, end, text }) => ({ start: start + shift(start), end: end + shift(end), text }));
};

const overlaps = (edits: readonly Edit[], { start, end }: { readonly start: number; readonly end: number }): boolean =>
  edits.some((edit) => edit.start < end && start < edit.end);

/** The judgement of the model's text as it is of another text of the template. */
const transferred = (model: Model, template: Template, bytes: Buffer): Allowed => {
  const edits = moved(model.judged.edits, model.template, template);
  return {
    ...model.judged,
    edits,
    sent: applyEdits(bytes, edits),
    recorded: model.judged.recorded === undefined ? undefined : applyEdits(bytes, moved(model.recordedEdits, model.template, template)),
  };
};

export class TemplateCache {
  readonly #models: JudgementCache<readonly Model[]>;

  constructor(memory: JudgementMemory) {
    this.#models = new JudgementCache(TEMPLATES, memory);
  }

  /** `scope`: what else the judgement depends on. Undefined: the text has to be judged. */
  find(scope: string, template: Template, bytes: Buffer): Allowed | undefined {
    const models = this.#models.get(scope + template.key);
    if (models === undefined) return undefined;
    const literals = literalsOf(bytes, template);
    const model = models.find(({ free, literals: known }) =>
      literals.every((literal, slot) => free[slot] === true || literal === known[slot]),
    );
    return model?.free.includes(true) === true ? transferred(model, template, bytes) : undefined;
  }

  /** Learns from a text that was judged in full, and may be remembered. */
  learn(scope: string, lesson: Lesson, bytes: Buffer): void {
    const { judged, template } = lesson;
    if (judged.decision !== 'Allow' || judged.sent.length > MAX_SENT || judged.effects.length !== 1 || judged.effects[0]?.type !== 'None')
      return;
    const key = scope + template.key;
    const known = this.#models.get(key) ?? [];
    const literals = literalsOf(bytes, template);
    let free: readonly boolean[] = template.slots.map(() => false);
    for (const model of known) {
      const differ = literals.map((literal, slot) => literal !== model.literals[slot]);
      if (!isSame(model, lesson, differ, bytes)) continue;
      free = free.map((already, slot) => already || (lesson.unread[slot] === true && (model.free[slot] === true || differ[slot] === true)));
    }
    const rest = known.filter((model) => !literals.every((literal, slot) => free[slot] === true || literal === model.literals[slot]));
    const model: Model = { ...lesson, judged, literals, free };
    const models = [model, ...rest].slice(0, MODELS);
    this.#models.set(key, models, weightOf([key, models]));
  }

  clear(): void {
    this.#models.clear();
  }

  /** For good. */
  close(): void {
    this.#models.close();
  }
}

/** Two texts of a template were judged alike, and nobody looked at where they differ. */
const isSame = (model: Model, lesson: Lesson, differ: readonly boolean[], bytes: Buffer): boolean => {
  const { template, judged, recordedEdits } = lesson;
  const untouched = (slot: number): boolean =>
    model.unread[slot] === true &&
    lesson.unread[slot] === true &&
    !overlaps(judged.decision === 'Deny' ? [] : judged.edits, template.slots[slot]!) &&
    !overlaps(recordedEdits, template.slots[slot]!);
  return differ.every((other, slot) => !other || untouched(slot)) && isDeepStrictEqual(transferred(model, template, bytes), judged);
};
