/**
 * Proof after the fact: the text that will be sent is parsed again, and has to be the agent's own but for what we wrote.
 */
import { Failure } from '../../kernel/failure.ts';
import { relationKey } from '../catalog/catalog.ts';
import type { Edit } from '../policy/judgement.ts';
import type { Analysis, FunctionUse, Write } from '../sql/analysis.ts';
import { analyze } from '../sql/analyze.ts';
import type { Grammar, ParsedStatement } from '../sql/grammar.ts';
import { editOffsets } from './apply-edits.ts';
import { writtenName } from './rewrite-definition.ts';
import type { Anchor } from './rewrite.ts';
import type { TargetScope } from './target.ts';
import { type FencedRelation, isFenceBroken } from './verify-fence.ts';
import { targetFault } from './verify-target.ts';

/** What was judged, and what was written into it. */
export type Rewriting = {
  readonly analyses: readonly Analysis[];
  /** Sorted, of all statements. */
  readonly edits: readonly Edit[];
  readonly anchors: readonly Anchor[];
  /** What is written before the first arguments of guarded calls; these calls, as they were judged. */
  readonly guards: readonly Edit[];
  readonly guarded: ReadonlySet<FunctionUse>;
  /** Names of what each statement defines, in order. */
  readonly defined: readonly (readonly string[])[];
};

type Placed = { readonly name: string; readonly location: number };

/** What of a statement may call something or change something: it has to be the same afterwards. */
const placesOf = (analysis: Analysis, isGuarded: (use: FunctionUse) => boolean): readonly Placed[] => [
  ...analysis.functions.map((use) => {
    const constants = isGuarded(use) ? `guarded,${use.constants.slice(1).join()}` : use.constants.join();
    return { name: `function ${use.name}(${constants})`, location: use.location };
  }),
  ...analysis.operators.map((use) => ({ name: `operator ${use.schema ?? ''}.${use.name}`, location: use.location })),
  ...analysis.types.map((use) => ({ name: `type ${use.schema ?? ''}.${use.name}`, location: use.location })),
  ...analysis.fields.map((use) => ({ name: `field ${use.name}`, location: use.location })),
];

/** The names of a statement that writes may mean columns of what it writes. TABLE has a star that stands nowhere. */
const columnsOf = ({ writes, columns }: Analysis): readonly Placed[] =>
  (writes.length === 0 ? [] : columns)
    .filter((use) => use.location > 0)
    .map((use) => ({ name: `column ${use.fields.join('.')}${use.star ? '.*' : ''}`, location: use.location }));

/** What a write does, apart from where its target stands and from what it reads. */
const doingOf = ({ command, reference, inserts, updates, deletes, fromQuery, upsert, conflict, merge, outermost }: Write): unknown => [
  [command, reference.alias, reference.only, inserts, updates.map(({ column, partial }) => [column, partial]), deletes],
  [fromQuery, upsert, conflict?.action, conflict?.columns, conflict?.constraint, outermost],
  merge.map(({ when, action }) => [when, action]),
];

const doings = ({ kind, settings, writes, locks }: Analysis): string =>
  JSON.stringify([kind, settings, writes.map(doingOf), locks.map(({ strength, of }) => [strength, of])]);

/** Where places of the text that is sent were in the agent's text; undefined inside of what we wrote. */
class Origins {
  readonly #edits: readonly Edit[];
  readonly #offsets: readonly number[];

  constructor(edits: readonly Edit[]) {
    const offsets = editOffsets(edits);
    this.#edits = edits;
    this.#offsets = edits.map((edit) => offsets.get(edit) ?? 0);
  }

  of(location: number): number | undefined {
    let low = 0;
    let high = this.#edits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#offsets[middle]! <= location) low = middle + 1;
      else high = middle;
    }
    const edit = this.#edits[low - 1];
    if (edit === undefined) return location;
    const end = this.#offsets[low - 1]! + Buffer.byteLength(edit.text);
    if (location >= end) return edit.end + location - end;
    // What is inserted before a name belongs to it: a function's schema.
    return edit.start === edit.end && location === this.#offsets[low - 1] ? edit.start : undefined;
  }

  /** Was this place of the agent's text replaced? */
  replaced(location: number): boolean {
    let low = 0;
    let high = this.#edits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#edits[middle]!.start <= location) low = middle + 1;
      else high = middle;
    }
    const edit = this.#edits[low - 1];
    return edit !== undefined && location < edit.end;
  }
}

const take = (names: string[], name: string): boolean => {
  const index = names.indexOf(name);
  if (index >= 0) names.splice(index, 1);
  return index >= 0;
};

const key = ({ name, location }: Placed): string => `${location} ${name}`;

/**
 * What is wrong with the rewritten text, or undefined.
 * Every relation in it that is not a CTE stands exactly where an edit put a qualified name, and none is missing; everything
 * else that it names stands where the agent wrote it, or inside of an edit.
 */
export const verifyRewritten = (
  text: string,
  { analyses, edits, anchors, guards, guarded, defined }: Rewriting,
  grammar: Grammar,
): string | undefined => {
  const bytes = Buffer.from(text, 'utf8');
  let parsed: readonly ParsedStatement[];
  let after: readonly Analysis[];
  try {
    parsed = grammar.parse(text);
    after = parsed.map((statement) => analyze(statement, bytes));
  } catch (error) {
    if (error instanceof Failure && error.fields.code !== 'statement-too-complex') return error.message;
    throw error;
  }
  if (after.length !== analyses.length) return 'the statements are not the same ones';
  const offsets = editOffsets(edits);
  const expected = new Map<number, string>();
  const filtered = new Map<number, FencedRelation>();
  const targets = new Map<number, TargetScope>();
  for (const { edit, offset, schema, name, scope, target } of anchors) {
    const place = (offsets.get(edit) ?? -1) + offset;
    expected.set(place, `${target !== undefined} ${relationKey(schema, name)}`);
    if (target !== undefined) targets.set(place, target);
    if (scope?.fence !== undefined) filtered.set(place, { ...scope, fence: scope.fence });
  }
  const origins = new Origins(edits);
  const guardPlaces = new Set(guards.map((edit) => offsets.get(edit)));
  const isGuarded = ({ first }: FunctionUse): boolean => first?.type === 'Guarded' && guardPlaces.has(first.location);
  const guardedNames = new Set([...guarded].map(({ name }) => name));
  let found = 0;
  for (const [index, rewritten] of after.entries()) {
    const judged = analyses[index]!;
    if (doings(rewritten) !== doings(judged)) return 'the statements are not the same ones';
    const names = rewritten.form.type === 'Definition' ? rewritten.form.definition.uses.map(({ name }) => writtenName(name)) : [];
    if (names.join() !== (defined[index] ?? []).join()) return 'what is defined is not what was judged';
    const references = [
      ...rewritten.relations.map((reference) => ({ reference, target: false })),
      ...rewritten.writes.map(({ reference }) => ({ reference, target: true })),
    ];
    for (const { reference, target } of references) {
      const named = `${target} ${relationKey(reference.schema ?? '', reference.name)}`;
      if (reference.database !== undefined || expected.get(reference.location) !== named)
        return `relation "${reference.name}" is not one of ours`;
      found++;
    }
    for (const write of rewritten.writes) {
      const scope = targets.get(write.reference.location);
      const fault = scope === undefined ? 'a target is not one of ours' : targetFault(write, scope);
      if (fault !== undefined) return fault;
    }
    // A copy of the agent's text in one of our edits would have lost its guard. Policies ask for settings by constants.
    const unguarded = rewritten.functions.some(
      (use) =>
        guardedNames.has(use.name) &&
        (use.name !== 'current_setting' || use.constants[0] === undefined) &&
        !isGuarded(use) &&
        origins.of(use.location) === undefined,
    );
    if (unguarded) return 'a call has lost its guard';
    const own: string[] = [];
    const kept: string[] = [];
    for (const { name, location } of placesOf(rewritten, isGuarded)) {
      const origin = origins.of(location);
      if (origin === undefined) own.push(name);
      else kept.push(key({ name, location: origin }));
    }
    const wanted: string[] = [];
    for (const place of placesOf(judged, (use) => guarded.has(use))) {
      if (!origins.replaced(place.location)) wanted.push(key(place));
      // What an edit took away it has to have written again, as a moved TABLESAMPLE.
      else if (!take(own, place.name)) return `${place.name} is gone`;
    }
    for (const { name, location } of columnsOf(rewritten)) {
      const origin = origins.of(location);
      if (origin !== undefined) kept.push(key({ name, location: origin }));
    }
    for (const place of columnsOf(judged)) if (!origins.replaced(place.location)) wanted.push(key(place));
    if (kept.sort().join() !== wanted.sort().join()) return 'a call is not where the agent wrote it';
  }
  if (found !== expected.size) return 'a relation is missing';
  return isFenceBroken(parsed, filtered) ? 'a row filter is not as it should be' : undefined;
};
