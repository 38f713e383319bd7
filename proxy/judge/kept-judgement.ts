/**
 * A judgement as it is remembered: what is the same in many of them is kept once.
 */
import { type Edit, type Judged, NO_TERMS, type RunningTerms } from '../policy/judgement.ts';

/** Different values of a kind that are shared; further ones stay as they are. */
const MOST_VALUES = 1_000;
/** Characters of a value that is worth looking up. */
const LONGEST = 4_096;

/** Bytes of a string, an object or a list before what it holds, and of a field. */
const HEADER = 32;
const FIELD = 8;

/** Texts and lists of them, each of them once. */
export class SharedValues {
  readonly #texts = new Map<string, string>();
  readonly #lists = new Map<string, readonly string[]>();

  text(text: string): string {
    return text.length > LONGEST ? text : shared(this.#texts, text, text);
  }

  list(list: readonly string[]): readonly string[] {
    const key = list.join('\u0000');
    // The empty list, and that of the empty text, would be one.
    return key.length > LONGEST || (key === '' && list.length > 0) ? list : shared(this.#lists, key, list);
  }
}

const shared = <Value>(values: Map<string, Value>, key: string, value: Value): Value => {
  const known = values.get(key);
  if (known !== undefined) return known;
  if (values.size < MOST_VALUES) values.set(key, value);
  return value;
};

export const keptEdits = (edits: readonly Edit[], values: SharedValues): readonly Edit[] =>
  edits.map(({ start, end, text }) => ({ start, end, text: values.text(text) }));

/** The same judgement, made of shared values. */
export const kept = (judged: Judged, values: SharedValues): Judged => {
  const common = {
    kinds: values.list(judged.kinds),
    relations: values.list(judged.relations),
    masked: values.list(judged.masked),
    filtered: values.list(judged.filtered),
    policies: values.list(judged.policies),
    rules: values.list(judged.rules),
    revision: values.text(judged.revision),
  };
  if (judged.decision === 'Deny') return { ...judged, ...common };
  return {
    ...judged,
    ...common,
    recorded: judged.recorded === judged.sent ? judged.sent : judged.recorded,
    edits: keptEdits(judged.edits, values),
    terms: judged.terms.map((terms) => (isNothing(terms) ? NO_TERMS : terms)),
  };
};

const isNothing = ({ watches, hidesResult, telling }: RunningTerms): boolean =>
  watches.length === 0 && !hidesResult && telling === undefined;

/** About how many bytes a value keeps alive: whatever it reaches, each object and each string once. Functions and their like weigh nothing. */
export const weightOf = (value: unknown, seen: Set<unknown> = new Set()): number => {
  if (typeof value === 'string') {
    if (seen.has(value)) return 0;
    seen.add(value);
    return HEADER + value.length * (isLatin1(value) ? 1 : 2);
  }
  if (typeof value !== 'object' || value === null || seen.has(value)) return 0;
  seen.add(value);
  const fields: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return fields.reduce<number>((sum, field) => sum + FIELD + weightOf(field, seen), HEADER);
};

const isLatin1 = (text: string): boolean => !/[\u0100-\uffff]/.test(text);
