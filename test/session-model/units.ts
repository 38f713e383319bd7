/**
 * What a client sends together: messages, as the proxy gets them and as the plain server does.
 */
import fc from 'fast-check';
import { send } from '../support/raw-client.ts';
import { copyIn, CURSORS, FAILS, NAMES, portalStatement, type Statement, text } from './statements.ts';

export type Unit = {
  /** As a person reads it. */
  readonly said: string;
  readonly toProxy: readonly Buffer[];
  readonly toPlain: readonly Buffer[];
  /** How many messages of the extended protocol have an answer of their own. */
  readonly answers: number;
  /** Its transaction stays open until a Sync. */
  readonly open: boolean;
};

type Message = { readonly said: string; readonly bytes: (refused: boolean) => Buffer; readonly answers: number };

const plainly = (said: string, bytes: Buffer, answers = 1): Message => ({ said, bytes: () => bytes, answers });

const unitOf = (messages: readonly Message[]): Unit => ({
  said: messages.flatMap(({ said }) => (said === '' ? [] : [said])).join(' '),
  toProxy: messages.map(({ bytes }) => bytes(false)),
  toPlain: messages.map(({ bytes }) => bytes(true)),
  answers: messages.reduce((sum, { answers }) => sum + answers, 0),
  open: (messages.at(-1)?.answers ?? 0) > 0,
});

const query = (of: Statement): Message => ({
  said: `Query(${of.sql})`,
  bytes: (plain) => send.query(plain && of.refused ? FAILS : of.sql),
  answers: 0,
});

const parse = (name: string, of: Statement): Message => ({
  said: `Parse(${name}: ${of.sql})`,
  bytes: (plain) => send.parse(name, plain && of.refused ? FAILS : of.sql),
  answers: 1,
});

type Formats = { readonly result: readonly number[] };

const bind = (portal: string, name: string, values: readonly string[], { result }: Formats): Message =>
  plainly(
    `Bind(${portal} of ${name}${values.length > 0 ? ` with ${values.join()}` : ''}${result.length > 0 ? ', binary' : ''})`,
    send.bind(portal, name, values, { resultFormats: result }),
  );

const describe = (target: 'S' | 'P', name: string): Message => plainly(`Describe(${target} ${name})`, send.describe(target, name));
const execute = (portal: string, rows: number): Message =>
  plainly(`Execute(${portal}${rows > 0 ? ` ${rows}` : ''})`, send.execute(portal, rows));
const close = (target: 'S' | 'P', name: string): Message => plainly(`Close(${target} ${name})`, send.close(target, name));
const SYNC = plainly('Sync', send.sync(), 0);
/**
 * Behind each Query: one that fails leaves the unnamed portal there without its memory, of which PostgreSQL (14 to 18) crashes when it is used. The
 * proxy lets nobody come to it (`Outbox`), and the plain server would take both sides with it.
 */
const CLOSED = plainly('', send.close('P', ''), 0);
const FLUSH = plainly('Flush', send.flush(), 0);

const statementName = fc.constantFrom('', '', ...NAMES);
const portalName = fc.constantFrom('', '', ...CURSORS);
const formats = fc.constantFrom<Formats>({ result: [] }, { result: [] }, { result: [1] });
const rows = fc.constantFrom(0, 0, 1, 2);
const values = fc.constantFrom<readonly string[]>([], [], ['2']);

/** Any one message of the extended protocol. */
const loose: fc.Arbitrary<Message> = fc.oneof(
  fc.tuple(statementName, portalStatement).map(([name, of]) => parse(name, of)),
  fc.tuple(portalName, statementName, values, formats).map(([portal, name, given, format]) => bind(portal, name, given, format)),
  statementName.map((name) => describe('S', name)),
  portalName.map((name) => describe('P', name)),
  fc.tuple(portalName, rows).map(([portal, most]) => execute(portal, most)),
  fc.tuple(portalName, rows).map(([portal, most]) => execute(portal, most)),
  statementName.map((name) => close('S', name)),
  portalName.map((name) => close('P', name)),
);

/** One statement from Parse to Execute, as drivers send it. */
const whole: fc.Arbitrary<readonly Message[]> = fc
  .record({ name: statementName, portal: portalName, of: portalStatement, format: formats, most: rows, describes: fc.boolean() })
  .map(({ name, portal, of, format, most, describes }) => [
    ...(name === '' ? [] : [close('S', name)]),
    parse(name, of),
    bind(portal, name, [], format),
    ...(describes ? [describe('P', portal)] : []),
    execute(portal, most),
  ]);

/** Messages of the extended protocol without a Sync. */
export const extended: fc.Arbitrary<Unit> = fc
  .oneof({ arbitrary: whole, weight: 2 }, { arbitrary: fc.array(loose, { minLength: 1, maxLength: 4 }), weight: 3 })
  .map(unitOf);

const data = fc.constantFrom('5\tfive\t1\n', '6\tsix\t1\n', '1\ttwice\t1\n', '7\tno\t0\n', '8,eight\n', 'nonsense\n', '9\t1\n', '\\.\n');
const ending = fc.constantFrom(
  plainly('CopyDone', send.copyDone(), 0),
  plainly('CopyDone', send.copyDone(), 0),
  plainly('CopyFail', send.copyFail('enough'), 0),
);

/** COPY with all its data behind it; where it fails before, the server ignores these. */
const copy: fc.Arbitrary<readonly Message[]> = fc
  .record({
    of: copyIn,
    behind: fc.option(text, { nil: undefined }),
    chunks: fc.array(data, { maxLength: 3 }),
    end: ending,
    way: fc.constantFrom('Query', 'Extended', 'libpq'),
  })
  .map(({ of, behind, chunks, end, way }) => {
    const rest = [...chunks.map((chunk) => plainly(`CopyData(${JSON.stringify(chunk)})`, send.copyData(chunk), 0)), end];
    const several: Statement = behind === undefined ? of : { sql: `${of.sql}; ${behind.sql}`, refused: behind.refused };
    if (way === 'Query') return [query(several), ...rest, CLOSED];
    return [parse('', of), bind('', '', [], { result: [] }), execute('', 0), ...(way === 'libpq' ? [SYNC] : []), ...rest, SYNC];
  });

export const SYNCED: Unit = unitOf([SYNC]);

/** What a burst is made of. */
export const unit: fc.Arbitrary<Unit> = fc.oneof(
  { arbitrary: text.map((of) => unitOf([query(of), CLOSED])), weight: 6 },
  { arbitrary: extended, weight: 5 },
  { arbitrary: fc.constantFrom(unitOf([SYNC]), unitOf([SYNC]), unitOf([FLUSH])), weight: 3 },
  { arbitrary: copy.map(unitOf), weight: 1 },
);

/** Asks for all names, each so that an unknown one does not hide the others. */
export const everyName: Unit = unitOf([
  ...['', ...NAMES].flatMap((name) => [describe('S', name), SYNC]),
  ...CURSORS.flatMap((name) => [describe('P', name), SYNC]),
]);

/** Takes some time, somewhere in it. */
export const slow: fc.Arbitrary<Unit> = fc
  .constantFrom(
    'SELECT pg_sleep(0.02), 1',
    'SELECT v, pg_sleep(0.004) FROM t ORDER BY id',
    'BEGIN; SELECT pg_sleep(0.01); SELECT pg_sleep(0.01)',
    "UPDATE public.t SET v = 'slow' WHERE pg_sleep(0.005) IS NOT NULL",
    'COPY (SELECT v, pg_sleep(0.005) FROM t ORDER BY id) TO STDOUT',
  )
  .chain((sql) => {
    const of: Statement = { sql, refused: false };
    const messages = [parse('', of), bind('', '', [], { result: [] }), execute('', 1), execute('', 0)];
    return fc.constantFrom(unitOf([query(of), CLOSED]), ...(sql.includes(';') ? [] : [unitOf([...messages, SYNC])]));
  });
