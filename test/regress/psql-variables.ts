/**
 * psql's variables and its `\if`: what decides which statements of a file are sent, and with which text.
 */
import type { Part } from './psql-lexer.ts';

const quote = (text: string, mark: string): string => `${mark}${text.replaceAll(mark, mark + mark)}${mark}`;

const isTrue = (text: string): boolean => /^(t|tr|tru|true|y|ye|yes|on|1)$/i.test(text.trim());

export class PsqlVariables {
  readonly #values = new Map<string, string>();
  /** One for each open `\if`: this branch is taken; one was. */
  readonly #branches: { taken: boolean; done: boolean }[] = [];

  get active(): boolean {
    return this.#branches.every(({ taken }) => taken);
  }

  set(name: string, value: string | undefined): void {
    if (value === undefined) this.#values.delete(name);
    else this.#values.set(name, value);
  }

  /** The text that is sent. A variable that is not set stays as it is written. */
  textOf(parts: readonly Part[]): string {
    return parts.map((part) => (typeof part === 'string' ? part : this.#valueOf(part))).join('');
  }

  #valueOf({ variable, quote: mark }: Exclude<Part, string>): string {
    const value = this.#values.get(variable);
    if (mark === '?') return value === undefined ? 'FALSE' : 'TRUE';
    if (value === undefined) return `:${mark}${variable}${mark}`;
    return mark === '' ? value : quote(value, mark);
  }

  /** The words of a command's argument, with variables and quotes resolved. */
  wordsOf(argument: string): readonly string[] {
    const words = argument.match(/(?:'(?:[^']|'')*'|"[^"]*"|:'\w+'|:"\w+"|[^\s'"]+)+/g) ?? [];
    return words.map((word) =>
      word.replace(/:\{\?(\w+)\}|:'(\w+)'|:"(\w+)"|(?<!:):(\w+)|'((?:[^']|'')*)'/g, (whole, asked, literal, identifier, plain, text) => {
        if (text !== undefined) return (text as string).replaceAll("''", "'");
        if (asked !== undefined) return this.#values.has(asked as string) ? 'TRUE' : 'FALSE';
        const value = this.#values.get((literal ?? identifier ?? plain) as string);
        if (value === undefined) return whole as string;
        return literal !== undefined ? quote(value, "'") : identifier !== undefined ? quote(value, '"') : value;
      }),
    );
  }

  /** Does what `\set`, `\unset`, `\getenv` and `\if` do; false for a command that is none of these. */
  run(name: string, argument: string, environment: Readonly<Record<string, string>>): boolean {
    const outer = this.#branches.at(-1);
    switch (name) {
      case '\\if': {
        const taken = this.active && isTrue(this.wordsOf(argument).join(' '));
        this.#branches.push({ taken, done: taken || !this.active });
        return true;
      }
      case '\\elif':
      case '\\else':
        if (outer !== undefined) {
          outer.taken = !outer.done && (name === '\\else' || isTrue(this.wordsOf(argument).join(' ')));
          outer.done ||= outer.taken;
        }
        return true;
      case '\\endif':
        this.#branches.pop();
        return true;
      case '\\set':
      case '\\unset':
      case '\\getenv': {
        if (!this.active) return true;
        const [variable = '', ...values] = this.wordsOf(argument);
        if (name === '\\getenv') this.set(variable, environment[values[0] ?? '']);
        else this.set(variable, name === '\\set' ? values.join('') : undefined);
        return true;
      }
      default:
        return false;
    }
  }
}
