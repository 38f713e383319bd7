/**
 * Gathers what one definition uses, and sends its expressions through the walk that every expression goes through.
 */
import { type Failure, notUnderstood, statementRefused } from '../../kernel/failure.ts';
import { TEMPORARY_SCHEMA } from '../../kernel/policy.ts';
import type { Act, DefinedObject, DefinitionEffect, ObjectUse, WrittenName } from './definition.ts';
import { listOf, locationOf, stringOf, type Tree, treeOf } from './tree.ts';
import type { Walker } from './walker.ts';

export class Definer {
  readonly uses: ObjectUse[] = [];
  readonly effects: DefinitionEffect[] = [];
  /** Names that constraints are given, and so their indexes. */
  readonly named: string[] = [];
  readonly walker: Walker;
  readonly #fail: (failure: Failure, location: number) => never;

  constructor(walker: Walker, fail: (failure: Failure, location: number) => never) {
    this.walker = walker;
    this.#fail = fail;
  }

  fail(failure: Failure, location: number): never {
    return this.#fail(failure, location);
  }

  /** Refuses fields that nobody judged. */
  only(node: Tree, fields: readonly string[], what: string): void {
    for (const field of Object.keys(node)) if (!fields.includes(field)) this.fail(notUnderstood(`"${field}" of ${what}`), 0);
    this.walker.judged.add(node);
  }

  /** Options by name. @throws when one is not on the list. */
  options(value: unknown, known: ReadonlySet<string>, what: string): ReadonlyMap<string, Tree> {
    const result = new Map<string, Tree>();
    for (const wrapped of listOf(value)) {
      const element = treeOf(wrapped.DefElem);
      const name = stringOf(element.defname) ?? '';
      if (!known.has(name) || element.defnamespace !== undefined)
        this.fail(notUnderstood(`option "${name}" of ${what}`), locationOf(element));
      this.walker.judged.addOption(element);
      result.set(name, element);
    }
    return result;
  }

  expression(wrapped: Tree): void {
    this.walker.expressions([wrapped]);
  }

  type(node: Tree): void {
    this.walker.expressions([{ TypeName: node }]);
  }

  /** Index of the use. */
  use(object: DefinedObject, name: WrittenName, act: Act, rest: Partial<ObjectUse> = {}): number {
    return this.uses.push({ object, name, location: undefined, act, missingOk: false, cascade: false, columns: undefined, ...rest }) - 1;
  }

  /** A use by a RangeVar. */
  relation(node: Tree, object: DefinedObject, act: Act, rest: Partial<ObjectUse> = {}): number {
    this.only(node, ['catalogname', 'schemaname', 'relname', 'inh', 'relpersistence', 'location'], 'a relation name');
    if (node.catalogname !== undefined) this.fail(notUnderstood('a relation name with a database'), locationOf(node));
    const written = stringOf(node.schemaname);
    const isTemporary = node.relpersistence === 't';
    if (isTemporary && object !== 'Table')
      this.fail(statementRefused('a temporary view or sequence', 'Make a temporary table of its rows.'), 0);
    if (isTemporary && written !== undefined && written !== TEMPORARY_SCHEMA)
      this.fail(statementRefused(`a temporary relation in schema ${written}`, 'Leave the schema out.'), 0);
    const schema = isTemporary ? TEMPORARY_SCHEMA : written;
    const name = { schema, name: stringOf(node.relname) ?? '' };
    return this.use(object, name, act, { location: locationOf(node), ...rest });
  }

  /** What ON COMMIT says of the table of a use. */
  onCommit(action: unknown, use: number): { readonly onCommitDrop?: true } {
    const isPlain = action === undefined || action === 'ONCOMMIT_NOOP';
    if (!isPlain && this.uses[use]?.name.schema !== TEMPORARY_SCHEMA)
      this.fail(statementRefused('ON COMMIT of a table that is not temporary', 'Write CREATE TEMPORARY TABLE.'), 0);
    return action === 'ONCOMMIT_DROP' ? { onCommitDrop: true } : {};
  }
}
