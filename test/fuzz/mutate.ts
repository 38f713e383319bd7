/**
 * Conversations made wrong.
 */
import type { Random } from '../hunt/random.ts';
import { frame, send } from '../support/raw-client.ts';

/** What is written to the socket, and whether frames still begin where the receiver expects them. */
export type Mutated = { readonly bytes: Buffer; readonly framed: boolean };

/** Splits whole messages that stand one behind the other. */
export const framesOf = (bytes: Buffer): Buffer[] => {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + bytes.readInt32BE(at + 1);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
};

const NAMES = ['', 'named', 'nothing', 'c', 'p1', 'pg-airlock refused', 'a: SELECT 1', 'é', 'x'.repeat(70)];

/** One message of any kind that may come after the log-in, with names that mean something or nothing. */
const stray = (random: Random): Buffer => {
  const name = random.pick(NAMES);
  const other = random.pick(NAMES);
  return random.pick<() => Buffer>([
    () => send.sync(),
    () => send.flush(),
    () => send.describe(random.pick(['S', 'P']), name),
    () => send.close(random.pick(['S', 'P']), name),
    () => send.bind(name, other, random.pick([[], ['1'], [null], ['a', 'b']]), { resultFormats: random.pick([[], [1], [0, 1]]) }),
    () => send.execute(name, random.pick([0, 1, -1, 2_147_483_647])),
    () =>
      send.parse(
        name,
        random.pick(['SELECT 1', 'SELECT $1::int', 'BEGIN', 'COMMIT', 'SELECT * FROM secrets', '', 'not sql', 'SELECT ssn FROM people']),
        random.pick([[], [23], [25]]),
      ),
    () =>
      send.query(
        random.pick([
          'SELECT 1',
          '',
          ';',
          'BEGIN',
          'ROLLBACK',
          'SELECT * FROM hidden.vault',
          'SELECT 1; SELECT 2',
          'DISCARD ALL',
          'COPY people FROM STDIN',
          'DEALLOCATE ALL',
        ]),
      ),
    () => send.copyData(random.bytes(random.whole(0, 30))),
    () => send.copyDone(),
    () => send.copyFail('x'),
    () => frame('F', 1, random.bytes(6)),
    () => frame('p', random.bytes(8)),
    () => frame(String.fromCharCode(random.whole(0, 255)), random.bytes(random.whole(0, 12))),
  ])();
};

const flipped = (random: Random, bytes: Buffer, from: number): Buffer => {
  const copy = Buffer.from(bytes);
  for (let count = random.pick([1, 1, 2, 8]); count > 0 && copy.length > from; count -= 1) {
    const at = random.whole(from, copy.length - 1);
    copy[at] = random.chance(0.5)
      ? copy[at]! ^ (1 << random.whole(0, 7))
      : random.pick([0, 32, 34, 36, 39, 45, 47, 59, 92, 255, random.whole(0, 255)]);
  }
  return copy;
};

const resized = (random: Random, one: Buffer): Buffer => {
  const body = one.subarray(5);
  const at = random.whole(0, body.length);
  const changed = random.chance(0.5)
    ? Buffer.concat([body.subarray(0, at), random.bytes(random.whole(1, 12)), body.subarray(at)])
    : Buffer.concat([body.subarray(0, at), body.subarray(Math.min(body.length, at + random.whole(1, 12)))]);
  return frame(one.toString('latin1', 0, 1), Buffer.from(changed));
};

/** Changes whole frames. */
const FRAMED: readonly ((random: Random, frames: Buffer[]) => Buffer[])[] = [
  (random, frames) => frames.filter(() => !random.chance(0.25)),
  (random, frames) => frames.flatMap((one) => (random.chance(0.25) ? [one, one] : [one])),
  (random, frames) => random.some(frames, frames.length),
  (random, frames) => frames.flatMap((one) => (random.chance(0.3) ? [stray(random), one] : [one])),
  (random, frames) => frames.map((one) => (random.chance(0.3) ? flipped(random, one, 5) : one)),
  (random, frames) => frames.map((one) => (random.chance(0.3) ? resized(random, one) : one)),
  (random, frames) =>
    frames.map((one) => (random.chance(0.2) ? Buffer.concat([Buffer.from([random.whole(0, 255)]), one.subarray(1)]) : one)),
  (random, frames) => frames.filter((one) => one[0] !== 0x53 || random.chance(0.3)),
  (random, frames) => [...frames, ...Array.from({ length: random.whole(2, 60) }, () => stray(random))],
  (random, frames) => {
    const one = stray(random);
    return [...Array.from({ length: random.whole(2, 200) }, () => one), ...frames];
  },
  (random, frames) => [...frames.slice(0, random.whole(0, frames.length)), ...frames],
];

/** Changes bytes, whatever they are. */
const UNFRAMED: readonly ((random: Random, bytes: Buffer) => Buffer)[] = [
  (random, bytes) => flipped(random, bytes, 0),
  (random, bytes) => bytes.subarray(0, random.whole(0, bytes.length)),
  (random, bytes) => bytes.subarray(random.whole(0, bytes.length)),
  (random, bytes) => Buffer.concat([bytes, random.bytes(random.whole(1, 60))]),
  (random) => random.bytes(random.whole(1, 200)),
  (random, bytes) => {
    const copy = Buffer.from(bytes);
    if (copy.length >= 5) copy.writeInt32BE(random.pick([-1, 0, 3, 4, 5, 100, 65_536, 20_000_000, 2_147_483_647, -2_147_483_648]), 1);
    return copy;
  },
];

export const mutate = (random: Random, conversation: Buffer): Mutated => {
  if (random.chance(0.12)) return { bytes: random.pick(UNFRAMED)(random, conversation), framed: false };
  let frames = framesOf(conversation);
  for (let count = random.pick([0, 1, 1, 2, 3]); count > 0; count -= 1) frames = random.pick(FRAMED)(random, frames);
  return { bytes: Buffer.concat(frames), framed: true };
};

/** Bytes of someone who has not logged in. */
export const beforeLogIn = (random: Random, user: string, database: string): Buffer => {
  const startup = send.startup(
    {
      user,
      database,
      ...(random.chance(0.3) ? { options: random.pick(['-c role=postgres', '-c x=y', '--search_path=hidden', '\\']) } : {}),
    },
    random.pick([0, 0, 2, 9_999]),
  );
  const password = random.pick([
    frame('p', 'SCRAM-SHA-256', 8, Buffer.from('n,,n=,r=')),
    frame('p', random.bytes(20)),
    frame('p', 'password'),
    Buffer.alloc(0),
  ]);
  const query = random.pick([send.query('SELECT * FROM secrets'), send.parse('', 'SELECT 1'), stray(random)]);
  const parts = random.pick([
    [random.bytes(random.whole(1, 300))],
    [startup, query],
    [startup, password, query],
    [startup, startup],
    [send.sslRequest(), random.bytes(40)],
    [send.sslRequest(), startup, query],
    [send.gssEncRequest(), send.sslRequest(), startup],
    [send.cancelRequest(random.whole(0, 99_999), random.bytes(random.pick([0, 4, 32, 256, 300])))],
    [frame('', 196_608 + random.whole(-70_000, 70_000), random.bytes(30))],
    [query],
    [Buffer.from([0x16, 3, 1, 0, 200]), random.bytes(200)],
    [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ]);
  const whole = Buffer.concat(parts);
  return random.chance(0.4) ? random.pick(UNFRAMED)(random, whole) : whole;
};

/** Cuts a text into pieces at random. */
export const pieces = (random: Random, bytes: Buffer): Buffer[] => {
  if (random.chance(0.6)) return [bytes];
  const cuts = Array.from({ length: random.whole(1, 4) }, () => random.whole(0, bytes.length)).sort((a, b) => a - b);
  return [...cuts, bytes.length].map((cut, index) => bytes.subarray(index === 0 ? 0 : cuts[index - 1], cut));
};
