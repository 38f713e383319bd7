/**
 * Searches everything that a client received for canaries: the corpus's scanner, and the binary forms that it does not know.
 */
import type { RawFrame } from '../support/raw-client.ts';
import type { Canary } from './values.ts';

/** What the corpus's scanner offers, as far as it is used here. */
type CorpusScanner = {
  readonly low: { readonly add: (pattern: string, id: string, encoding: string) => void };
  readonly bin: { readonly add: (pattern: string, id: string, encoding: string) => void };
  readonly an: { readonly add: (pattern: string, id: string, encoding: string) => void };
  readonly add: (canary: { id: string; kind: string; core: string; value: string }) => void;
  readonly eq: (text: string, id: string, encoding: string) => void;
  readonly scan: (frames: readonly unknown[], raw: Buffer) => ReadonlyMap<string, string>;
};

const CORPUS_SCANNER = new URL('../corpus/public/lib/canary.mjs', import.meta.url).href;

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const int64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};
const latin = (bytes: Buffer): string => bytes.toString('latin1');

const EPOCH_2000 = Date.UTC(2000, 0, 1);

/** Rows, and COPY, put four bytes of length before a binary value: short values are looked for together with it. */
const sized = (value: Buffer): string => latin(Buffer.concat([int32(value.length), value]));

const addBinary = (scanner: CorpusScanner, { id, kind, core }: Canary): void => {
  if (kind === 'int') scanner.bin.add(sized(int32(Number(core))), id, 'int4-binary');
  if (kind === 'int') scanner.bin.add(sized(int64(BigInt(core))), id, 'int8-binary');
  if (kind === 'bigint') scanner.bin.add(latin(int64(BigInt(core))), id, 'int8-binary');
  if (kind === 'uuid') scanner.bin.add(latin(Buffer.from(core.replaceAll('-', ''), 'hex')), id, 'uuid-binary');
  if (kind === 'date') scanner.bin.add(sized(int32((Date.parse(core) - EPOCH_2000) / 86_400_000)), id, 'date-binary');
  if (kind === 'time') {
    const milliseconds = Date.parse(`${core.replace(' ', 'T')}Z`);
    scanner.bin.add(latin(int64(BigInt(milliseconds - EPOCH_2000) * 1000n)), id, 'timestamptz-binary');
    for (const text of [String(milliseconds / 1000), `${milliseconds / 1000}.000000`]) scanner.eq(text, id, 'epoch');
  }
};

/** What the corpus calls each kind. */
const CORPUS_KIND: Readonly<Partial<Record<Canary['kind'], string>>> = { int: 'digits', bigint: 'digits', time: 'text', uuid: 'text' };

export class Scanner {
  readonly #scanner: CorpusScanner;

  private constructor(scanner: CorpusScanner) {
    this.#scanner = scanner;
  }

  static async of(canaries: readonly Canary[]): Promise<Scanner> {
    const { Scanner: Corpus } = (await import(CORPUS_SCANNER)) as { Scanner: new (canaries: readonly unknown[]) => CorpusScanner };
    const scanner = new Corpus([]);
    for (const canary of canaries) {
      scanner.add({ ...canary, kind: CORPUS_KIND[canary.kind] ?? canary.kind });
      addBinary(scanner, canary);
    }
    return new Scanner(scanner);
  }

  /** Each canary in what was received, by the encoding in which it was found. */
  find(frames: readonly RawFrame[], received: Buffer): ReadonlyMap<string, string> {
    return this.#scanner.scan(frames, received);
  }
}
