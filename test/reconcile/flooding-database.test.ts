/**
 * Whoever may make a DatabaseConnection chooses the server that the operator asks. What one does to it that keeps to the protocol, and overdoes it.
 */
import { lookup } from 'node:dns/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { withDatabase } from '../../operator/reconcile/database-session.ts';
import { askNames } from '../../operator/reconcile/name-queries.ts';
import { askRole } from '../../operator/reconcile/role-queries.ts';
import { nameProblems } from '../../operator/specs/policy-names.ts';
import { policyAccepted } from '../../operator/specs/policy-accepted.ts';

const NONE = Buffer.alloc(0);
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const int16 = (value: number): Buffer => int32(value).subarray(2);
const message = (type: string, body: Buffer = NONE, length = body.length + 4): Buffer =>
  Buffer.concat([Buffer.from(type), int32(length), body]);
const authentication = (code: number, rest = ''): Buffer => message('R', Buffer.concat([int32(code), Buffer.from(rest)]));
const READY = message('Z', Buffer.from('I'));
const LOGGED_IN = Buffer.concat([authentication(0), READY]);
const BEGUN = Buffer.concat([message('1'), message('2')]);
const DONE = Buffer.concat([message('C', Buffer.from('SELECT 1\0')), READY]);
const NO_ROWS = Buffer.concat([BEGUN, message('n'), DONE]);

const flood = (socket: Socket, one: Buffer): void => {
  const many = Buffer.concat(Array.from({ length: 1 + Math.floor(65_536 / one.length) }, () => one));
  const more = (): void => {
    while (socket.writable && socket.write(many));
  };
  socket.on('drain', more);
  more();
};

/** Answers the settings of a session, and then what is asked first with `answer`. */
const afterLogin = (answer: (socket: Socket) => void) => (socket: Socket) => {
  socket.write(LOGGED_IN);
  let asked = 0;
  socket.on('data', () => {
    asked++;
    if (asked <= 4) socket.write(NO_ROWS);
    else if (asked === 5) answer(socket);
  });
};

const sasl = (socket: Socket): void => {
  socket.once('data', (first: Buffer) => {
    const [, nonce = ''] = /r=([\w+/=]+)/.exec(first.toString('latin1')) ?? [];
    const again = authentication(11, `r=${nonce}more,s=AAAA,i=100000`);
    socket.write(Buffer.concat(Array.from({ length: 2_000 }, () => again)));
  });
  socket.write(authentication(10, 'SCRAM-SHA-256\0\0'));
};

/** What the operator finds of a server that does this once a client has said who it is. */
const outcomeOf = async (behave: (socket: Socket) => void, password = ''): Promise<unknown> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.once('data', () => behave(socket));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const connection = {
    key: 'data/shop',
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    database: 'shop',
    tls: { mode: 'Disable', ca: undefined },
    username: 'app',
    password: new TextEncoder().encode(password),
    auditDurability: 'Fsync',
  } as const;
  try {
    return await withDatabase(connection, { loginMs: 5_000, sessionMs: 20_000 }, (ask) => askRole(ask, []));
  } catch (error) {
    return (error as { readonly outcome?: unknown }).outcome;
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
};

const failed = (code: string) => ({ type: 'Failed', code, said: undefined });

describe('a flooding database', () => {
  it.each<[string, (socket: Socket) => void]>([
    [
      'rows without end',
      afterLogin((socket) => (socket.write(Buffer.concat([BEGUN, message('T', int16(0))])), flood(socket, message('D', int16(0))))),
    ],
    ['the begin of an endless message', (socket) => socket.write(message('D', NONE, 2 ** 30))],
    ['notices without end', (socket) => flood(socket, message('N', Buffer.from('Mfoo\0\0')))],
  ])('that sends %s is not listened to for long', async (_, behave) => {
    const before = process.memoryUsage().rss;
    expect(await outcomeOf(behave)).toEqual(failed('TooMuch'));
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
  });

  it('that has keys computed time and again does not take the threads that DNS needs', async () => {
    expect(await outcomeOf(sasl, 'secret')).toEqual(failed('TooMuch'));
    expect((await lookup('localhost')).address).toBeDefined();
  });

  it('fills no memory with names, nor time with comparing them', async () => {
    const relations = Array.from({ length: 512 }, (_, index) => ({ schema: 'public', name: `${'n'.repeat(50)}${index}` }));
    const policy = { relations: [], functions: relations, rules: [], extensions: [], settings: [] };
    const wanted = { relations: [], functions: relations, expressions: [], constants: [], lists: new Set<never>() };
    const ask = async (sql: string) =>
      sql.includes('LIMIT 5000') ? Array.from({ length: 100_000 }, (_, index) => ({ name: `public.${'m'.repeat(1_000)}${index}` })) : [];
    const names = await askNames(ask as Parameters<typeof askNames>[0], wanted);
    expect([names.otherFunctions.length, names.otherFunctions[0]?.length]).toEqual([5_000, 300]);
    const problems = nameProblems(policy as unknown as Parameters<typeof nameProblems>[0], names);
    expect(problems).toHaveLength(512);
    const parsed = { policy, connectionProblem: undefined, problems: [], warnings: [] } as unknown as Parameters<
      typeof policyAccepted
    >[0]['parsed'];
    const { message: told } = policyAccepted({
      parsed,
      connectionExists: true,
      keptFromAgents: undefined,
      names,
      notAsked: '',
      unreadSecrets: [],
      now: new Date(),
    });
    expect(told.match(/does not exist/g)).toHaveLength(8);
    expect(told).toMatch(/And 504 more\.$/);
  });
});
