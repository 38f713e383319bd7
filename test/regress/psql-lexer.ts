/**
 * A file for psql, cut into what psql sends and what psql does itself, by the rules of `psqlscan.l`: a statement ends at a semicolon that
 * is in no quotes, comment, parentheses or body of `BEGIN ATOMIC`; a backslash outside of quotes begins a command of psql's.
 */

/** A part of a statement: text, or a variable of psql's in one of its quotings. */
export type Part = string | { readonly variable: string; readonly quote: '' | "'" | '"' | '?' };

export type Item =
  /** `ending`: `;`, or the command that sent it (`\gset`, `\g`, ...) with its argument. `data`: the lines that follow COPY FROM STDIN. */
  | {
      readonly type: 'Statement';
      readonly line: number;
      readonly parts: readonly Part[];
      readonly ending: string;
      readonly argument: string;
    }
  | { readonly type: 'Command'; readonly line: number; readonly name: string; readonly argument: string };

/** Commands that send what has been read so far. */
const SENDING = /^\\(g|gx|gset|gexec|gdesc|crosstabview|watch)$/;

const PLAIN = /[^'"$\\:;()/\-\s\w\u0080-\uffff]+|\s+/uy;
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/uy;
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/uy;
const VARIABLE = /:(?:(\w+)|'(\w+)'|"(\w+)"|\{\?(\w+)\})/y;
const COMMAND = /\\([A-Za-z!?]\w*\+?)/y;

export class PsqlLexer {
  readonly #text: string;
  #at = 0;
  #parts: Part[] = [];
  #plain = '';
  #from = 0;
  #parentheses = 0;
  #bodies = 0;
  #words: string[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  /** The next item; undefined at the end. */
  next(): Item | undefined {
    while (this.#at < this.#text.length) {
      const item = this.#step();
      if (item !== undefined) return item;
    }
    return this.#send('', '');
  }

  /** The lines of data up to `\.`; what follows COPY FROM STDIN where the server asks for it. */
  data(): string {
    const start = this.#text.indexOf('\n', this.#at) + 1;
    const end = /^\\\.\r?$/m.exec(this.#text.slice(start));
    if (start === 0) return '';
    const stop = end === null ? this.#text.length : start + end.index;
    this.#at = end === null ? stop : stop + end[0].length;
    return this.#text.slice(start, stop);
  }

  #step(): Item | undefined {
    const text = this.#text;
    const character = text[this.#at] ?? '';
    switch (character) {
      case "'":
        return this.#take(this.#quoted("'", /(?:^|[^\w$])[eE]$/.test(text.slice(Math.max(0, this.#at - 2), this.#at))));
      case '"':
        return this.#take(this.#quoted('"', false));
      case '-':
        if (text[this.#at + 1] !== '-') return this.#take(this.#at + 1);
        return this.#take(this.#endOfLine());
      case '/':
        return this.#take(text[this.#at + 1] === '*' ? this.#comment() : this.#at + 1);
      case '(':
      case ')':
        this.#parentheses = Math.max(0, this.#parentheses + (character === '(' ? 1 : -1));
        return this.#take(this.#at + 1);
      case ';':
        if (this.#parentheses > 0 || this.#bodies > 0) return this.#take(this.#at + 1);
        this.#take(this.#at + 1);
        return this.#send(';', '');
      case '$': {
        const tag = this.#match(DOLLAR)?.[0];
        if (tag === undefined) return this.#take(this.#at + 1);
        const end = text.indexOf(tag, this.#at + tag.length);
        return this.#take(end < 0 ? text.length : end + tag.length);
      }
      case ':':
        return this.#variable();
      case '\\':
        return this.#backslash();
      default:
        return this.#other();
    }
  }

  #other(): undefined {
    const word = this.#match(WORD)?.[0];
    if (word !== undefined) {
      this.#word(word.toLowerCase());
      return this.#take(this.#at + word.length);
    }
    const digits = this.#match(/\d[\w.]*/y)?.[0];
    return this.#take(this.#at + (digits?.length ?? this.#match(PLAIN)?.[0].length ?? 1));
  }

  /** Bodies of routines hold semicolons. */
  #word(word: string): void {
    this.#words.push(word);
    const [first, second, third, fourth] = this.#words;
    const kind = second === 'or' && third === 'replace' ? fourth : second;
    if (first !== 'create' || (kind !== 'function' && kind !== 'procedure') || this.#parentheses > 0) return;
    if (word === 'begin' || (word === 'case' && this.#bodies > 0)) this.#bodies++;
    if (word === 'end' && this.#bodies > 0) this.#bodies--;
  }

  #variable(): undefined {
    const found = this.#text[this.#at + 1] === ':' ? undefined : this.#match(VARIABLE);
    if (found === undefined) return this.#take(this.#at + (this.#text[this.#at + 1] === ':' ? 2 : 1));
    const [whole, plain, literal, identifier, asked] = found;
    const name = plain ?? literal ?? identifier ?? asked ?? '';
    this.#begin();
    this.#parts.push(this.#plain, {
      variable: name,
      quote: plain !== undefined ? '' : literal !== undefined ? "'" : identifier !== undefined ? '"' : '?',
    });
    this.#plain = '';
    this.#at += whole.length;
  }

  #backslash(): Item | undefined {
    const next = this.#text[this.#at + 1];
    if (next === ';' || next === ':') {
      this.#begin();
      this.#plain += next;
      this.#at += 2;
      return undefined;
    }
    const line = this.#line(this.#at);
    const name = this.#match(COMMAND)?.[0] ?? '\\';
    this.#at += name.length;
    const end = this.#endOfCommand();
    const argument = this.#text.slice(this.#at, end).trim();
    this.#at = this.#text.startsWith('\\\\', end) ? end + 2 : end;
    if (SENDING.test(name)) return this.#send(name, argument) ?? { type: 'Command', line, name, argument };
    if (name === '\\r') this.#clear();
    return { type: 'Command', line, name, argument };
  }

  /** The end of the line, or the next command on it. */
  #endOfCommand(): number {
    const stop = this.#endOfLine();
    let quote = '';
    for (let at = this.#at; at < stop; at++) {
      const character = this.#text[at] ?? '';
      if (quote !== '') quote = character === quote ? '' : quote;
      else if (character === "'" || character === '"' || character === '`') quote = character;
      else if (character === '\\') return at;
    }
    return stop;
  }

  #endOfLine(): number {
    const end = this.#text.indexOf('\n', this.#at);
    return end < 0 ? this.#text.length : end;
  }

  #quoted(quote: string, escapes: boolean): number {
    let at = this.#at + 1;
    while (at < this.#text.length) {
      if (escapes && this.#text[at] === '\\') at += 2;
      else if (this.#text[at] !== quote) at++;
      else if (this.#text[at + 1] === quote) at += 2;
      else return at + 1;
    }
    return this.#text.length;
  }

  #comment(): number {
    let depth = 0;
    const mark = /\/\*|\*\//g;
    mark.lastIndex = this.#at;
    for (let found = mark.exec(this.#text); found !== null; found = mark.exec(this.#text)) {
      depth += found[0] === '/*' ? 1 : -1;
      if (depth === 0) return mark.lastIndex;
    }
    return this.#text.length;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text) ?? undefined;
  }

  #begin(): void {
    if (this.#plain === '' && this.#parts.length === 0) this.#from = this.#at;
  }

  /** Takes text up to `end`; a statement does not begin with white space or a comment, which psql leaves out as well. */
  #take(end: number): undefined {
    const text = this.#text.slice(this.#at, end);
    const empty = this.#plain === '' && this.#parts.length === 0;
    if (!empty || !(/^\s*$/.test(text) || text.startsWith('--'))) {
      this.#begin();
      this.#plain += text;
    }
    this.#at = end;
  }

  #send(ending: string, argument: string): Item | undefined {
    const parts = [...this.#parts, ...(this.#plain === '' ? [] : [this.#plain])];
    const line = this.#line(this.#from);
    this.#clear();
    const blank = parts.every((part) => typeof part === 'string' && /^\s*;?\s*$/.test(part));
    return blank ? undefined : { type: 'Statement', line, parts, ending, argument };
  }

  #clear(): void {
    this.#parts = [];
    this.#plain = '';
    this.#parentheses = 0;
    this.#bodies = 0;
    this.#words = [];
  }

  #line(at: number): number {
    return this.#text.slice(0, at).split('\n').length;
  }
}
