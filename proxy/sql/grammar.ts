/**
 * PostgreSQL's own grammar (libpg_query, WebAssembly), one instance per major version, loaded on first use.
 * INVARIANT: the instance is dropped after any fault that is not a syntax error: deep input corrupts it silently.
 */
import { createRequire } from 'node:module';
import { statementTooComplex, syntaxError } from '../../kernel/failure.ts';
import { asCreateTableAs } from './select-into.ts';
import { saidOfSyntax } from './syntax-said.ts';
import type { Tree } from './tree.ts';

export type ParsedStatement = {
  readonly node: Tree;
  /** Byte range of the statement in the text, without the semicolon. */
  readonly start: number;
  readonly end: number;
};

type Module = {
  _wasm_parse_query_raw(text: number): number;
  _wasm_free_parse_result(result: number): void;
  _malloc(size: number): number;
  _free(pointer: number): void;
  lengthBytesUTF8(text: string): number;
  stringToUTF8(text: string, pointer: number, size: number): void;
  UTF8ToString(pointer: number): string;
  getValue(pointer: number, type: 'i32'): number;
  readonly HEAPU8: Uint8Array;
};

const PACKAGES = new Map<number, string>([
  [15, 'libpg-query-15'],
  [16, 'libpg-query-16'],
  [17, 'libpg-query-17'],
  [18, 'libpg-query'],
]);

/** The grammar for a server's major version: its own, or the nearest that there is. */
export const grammarVersion = (serverMajor: number): number => Math.min(18, Math.max(15, serverMajor));

/** An instance that grew by more than this is replaced before the next text: WebAssembly memory never shrinks. */
const MAX_GROWTH = 64 * 1024 * 1024;

export class Grammar {
  readonly version: number;
  #module: Module | undefined;
  #loading: Promise<void> | undefined;
  #initialHeap = 0;

  constructor(serverMajor: number) {
    this.version = grammarVersion(serverMajor);
  }

  /** False before the first `load`, after a fault, and when the instance should be replaced. */
  get ready(): boolean {
    return this.#module !== undefined && this.#module.HEAPU8.length - this.#initialHeap <= MAX_GROWTH;
  }

  async load(): Promise<void> {
    if (this.#module !== undefined && !this.ready) this.#drop();
    // A failed attempt is not remembered: the next text tries again.
    this.#loading ??= this.#instantiate().catch((error: unknown) => {
      this.#drop();
      throw error;
    });
    await this.#loading;
  }

  async #instantiate(): Promise<void> {
    const require = createRequire(import.meta.url);
    const factory = require(`${PACKAGES.get(this.version)}/wasm/libpg-query.js`) as () => Promise<Module>;
    this.#module = await factory();
    this.#initialHeap = this.#module.HEAPU8.length;
  }

  #drop(): void {
    this.#module = undefined;
    this.#loading = undefined;
  }

  /** Parses a text. @throws Failure (syntax error with position, too complex). Call `load` first, and again when `ready` is false. */
  parse(text: string): readonly ParsedStatement[] {
    const module = this.#module;
    if (module === undefined) throw new Error('grammar is not loaded');
    // Up to version 17 the module fails on it; drivers send it to see whether the server is there.
    if (text === '') return [];
    let raw: { error: string; file: string; position: number } | { tree: string };
    let tree: Tree;
    try {
      raw = parseRaw(module, text);
      if ('error' in raw) throw syntaxError(raw.error, raw.position > 0 ? raw.position : undefined, saidOfSyntax(raw.error, raw.file));
      tree = JSON.parse(raw.tree) as Tree;
    } catch (error) {
      if (error instanceof Error && error.name === 'Failure') throw error;
      this.#drop();
      throw statementTooComplex('The statement is nested too deeply to be parsed.');
    }
    return statementsOf(tree, Buffer.byteLength(text));
  }
}

const parseRaw = (module: Module, text: string): { error: string; file: string; position: number } | { tree: string } => {
  const size = module.lengthBytesUTF8(text) + 1;
  const pointer = module._malloc(size);
  let result = 0;
  try {
    module.stringToUTF8(text, pointer, size);
    result = module._wasm_parse_query_raw(pointer);
    if (result === 0) throw new Error('out of memory');
    // struct PgQueryParseResult { char *parse_tree; char *stderr_buffer; PgQueryError *error; }
    const error = module.getValue(result + 8, 'i32');
    if (error !== 0) {
      // struct PgQueryError { char *message; char *funcname; char *filename; int lineno; int cursorpos; char *context; }
      const message = module.UTF8ToString(module.getValue(error, 'i32'));
      const source = module.getValue(error + 8, 'i32');
      const file = source === 0 ? '' : module.UTF8ToString(source);
      if (message.includes('stack depth') || file === 'stack_depth.c') throw new Error(message);
      return { error: message, file, position: module.getValue(error + 16, 'i32') };
    }
    return { tree: module.UTF8ToString(module.getValue(result, 'i32')) };
  } finally {
    module._free(pointer);
    if (result !== 0) module._wasm_free_parse_result(result);
  }
};

const statementsOf = (tree: Tree, length: number): readonly ParsedStatement[] => {
  const list = (tree.stmts ?? []) as readonly { stmt?: Tree; stmt_location?: number; stmt_len?: number }[];
  return list.map((entry) => {
    const start = entry.stmt_location ?? 0;
    // A length of 0 means "to the end of the text".
    return { node: asCreateTableAs(entry.stmt ?? {}), start, end: entry.stmt_len ? start + entry.stmt_len : length };
  });
};
